/** Times under America/New_York: the same rows, metrics and dead letters as under UTC. */
import { testEpochTimes } from "../support/epoch-times.ts";

testEpochTimes("America/New_York", 300);
