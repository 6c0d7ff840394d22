// What is linked to is opened; on paper everything is.
function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let box = target; box; box = box.parentElement) if (box.tagName === "DETAILS") box.open = true;
  const own = target && target.querySelector(":scope > details");
  if (own && target.classList.contains("cell")) own.open = true;
  if (target) target.scrollIntoView();
}
document.addEventListener("DOMContentLoaded", () => {
  addEventListener("hashchange", openTarget);
  if (location.hash) openTarget();
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    for (const box of closed) box.open = true;
  });
  addEventListener("afterprint", () => { for (const box of closed) box.open = false; });

  const only = document.getElementById("only-open");
  only.addEventListener("change", () => document.body.classList.toggle("only-open", only.checked));
  const all = document.getElementById("open-all");
  all.addEventListener("click", () => {
    const open = all.getAttribute("aria-pressed") !== "true";
    all.setAttribute("aria-pressed", String(open));
    for (const box of document.querySelectorAll(".task details")) box.open = open;
  });
});
