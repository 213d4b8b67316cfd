/** The page's colours that pictures use; the same values as in its style sheet. */
export const palettes = {
  light: {
    paper: "#ffffff",
    ink: "#12161b",
    quiet: "#5f6a76",
    line: "#c3cad2",
    reference: "#b9c2cc",
    current: "#1756b8",
    estimate: "#7a3fa8",
    limit: "#a34b00",
  },
  dark: {
    paper: "#101317",
    ink: "#e8ebef",
    quiet: "#8f9aa7",
    line: "#3c4550",
    reference: "#4a5561",
    current: "#6aa5ff",
    estimate: "#c99af0",
    limit: "#f0a04b",
  },
} as const;

export type Theme = keyof typeof palettes;
export type Palette = (typeof palettes)[Theme];
