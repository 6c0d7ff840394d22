"use strict";
// Light, dark, or what the system says; kept where the browser allows it.
const themes = ["auto", "light", "dark"];
function storedTheme() {
  try { return themes.includes(localStorage.theme) ? localStorage.theme : "auto"; } catch { return "auto"; }
}
function showTheme(theme) {
  document.documentElement.dataset.theme = theme;
  const button = document.getElementById("theme");
  if (button) button.querySelector("span").textContent = `Theme: ${theme}`;
}
document.documentElement.classList.add("js");
showTheme(storedTheme());
document.addEventListener("DOMContentLoaded", () => {
  showTheme(storedTheme());
  document.getElementById("theme").addEventListener("click", () => {
    const theme = themes[(themes.indexOf(document.documentElement.dataset.theme) + 1) % themes.length];
    try { localStorage.theme = theme; } catch { /* shown, not kept */ }
    showTheme(theme);
  });
});
