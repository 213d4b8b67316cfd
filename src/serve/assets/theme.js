// Lets a reader choose the theme. Without this file the system's choice holds, and the button stays hidden.
const root = document.documentElement;
const read = () => {
  try {
    return localStorage.getItem("driftline-theme");
  } catch {
    return null; // Storage may be refused: the system's theme serves.
  }
};
const apply = (theme) => {
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;
};
apply(read());
for (const button of document.querySelectorAll("button.theme")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const dark =
      root.dataset.theme === "dark" || (!root.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
    apply(dark ? "light" : "dark");
    try {
      localStorage.setItem("driftline-theme", root.dataset.theme);
    } catch {
      // As above: the choice then lasts until the next page.
    }
  });
}
