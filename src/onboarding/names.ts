/** What fields of events are called in the services that people run, told by the words of a name, whatever their case and joints. */

export type Role = "timestamp" | "id" | "model" | "version" | "variant" | "type" | "prediction" | "score" | "label";
export type ObjectRole = "features" | "probabilities" | "segments" | "attributions";

/** `Predicted Class`, `predictedClass` and `PREDICTED_CLASS` are `predicted class`. */
export function wordsOf(name: string): string {
  return name
    .replace(/([\p{Ll}\d])(\p{Lu})/gu, "$1 $2")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}

/** Names by how surely they are meant, the surest first; the rank of a pattern is its place. */
const NAMES: Readonly<Record<Role, readonly RegExp[]>> = {
  timestamp: [
    /^(?:event |prediction |request |scored? |inference )?(?:timestamp|time|ts|datetime|date time)(?: (?:ms|utc|us|ns))?$/,
    /^(?:created|occurred|scored|predicted|event|logged|observed|requested|labell?ed)(?: at| on| time| date)$/,
    /^(?:at|when|date|day|epoch|t)$/,
    /(?:^| )(?:timestamp|time|ts|datetime|date|at)(?: |$)/,
  ],
  id: [
    /^(?:event |prediction |request |inference |record |row |message |correlation |trace )?(?:id|uuid|guid)$/,
    /^(?:transaction|txn|trx|order|application|case|session|call|quote|claim|payment|click|impression) (?:id|uuid|no|number|ref)$/,
    /^(?:key|uid|reference|ref)$/,
    / (?:id|uuid|guid)$/,
  ],
  model: [
    /^model(?: name| id)?$/,
    /^(?:ml )?model(?: name| id)?$/,
    /^(?:deployment|service|pipeline|endpoint)(?: name)?$/,
  ],
  version: [/^(?:model )?(?:version|ver)(?: id)?$/, /^(?:model )?(?:v|revision|release|build)$/],
  variant: [/^(?:model )?(?:variant|arm|slot|role|cohort|bucket|experiment arm)$/],
  type: [/^(?:event |message |record )?(?:type|kind)$/],
  prediction: [
    /^predictions?$/,
    /^(?:predicted|prediction|predict|pred|forecast(?:ed)?|estimated)(?: (?:class|label|value|result|output|outcome|y|target|price|amount|category))?$/,
    /^y ?(?:pred|hat|predicted)$|^yhat$|^pred(?: class| label| y)?$/,
    /^(?:model )?(?:output|decision|result|answer|response|verdict|classification)$/,
    /(?:^| )(?:predicted|prediction|pred|forecast|decision)(?: |$)/,
    /^class$|^category$/,
  ],
  score: [
    /^(?:model |prediction |predicted |risk |fraud )?(?:score|probability|proba|prob)(?: 1)?$/,
    /^(?:confidence|likelihood|propensity|p|p1|certainty)$/,
    /(?:^| )(?:score|probability|proba|prob|confidence)(?: |$)/,
  ],
  label: [
    /^labels?$/,
    /^(?:actual|true|truth|ground truth|observed|real)(?: (?:class|label|value|result|outcome|y|target|price|amount|category))?$/,
    /^y ?(?:true|actual)?$|^(?:target|outcome|gold)$/,
    /(?:^| )(?:actual|truth|label|outcome)(?: |$)/,
  ],
};

const OBJECT_NAMES: Readonly<Record<ObjectRole, RegExp>> = {
  features:
    /^(?:model )?(?:features?|inputs?|input data|input features|x|feature values|attributes|variables|vars|instance|data|payload|row|record|params|parameters)$/,
  probabilities:
    /^(?:class |predicted )?(?:probabilities|probas?|probability|scores|confidences|predict proba|distribution)$/,
  segments: /^(?:segments?|cohorts?|tags|dimensions)$/,
  attributions: /^(?:attributions?|shap|shap values|explanations?|contributions?|importances?)$/,
};

/** 0..1: how much a name says that a field is of a role; 0 where it says nothing. */
export function nameFit(role: Role, name: string): number {
  const words = wordsOf(name);
  const patterns = NAMES[role];
  const rank = patterns.findIndex((pattern) => pattern.test(words));
  return rank === -1 ? 0 : 1 - rank / (patterns.length + 1);
}

export const isNamed = (role: ObjectRole, name: string): boolean => OBJECT_NAMES[role].test(wordsOf(name));
