// The class table: filters and sorting. Their state lives in the address, so a view of the class can be shared.
document.addEventListener("DOMContentLoaded", () => {
  const table = document.getElementById("class");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  const form = document.getElementById("filters");
  const shown = document.getElementById("shown");
  const nothing = document.getElementById("nothing");
  const fields = ["q", "status", "mis", "review", "faults"];
  let sort = "";

  function state() {
    return new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
  }
  function valueOf(field) {
    const control = form.elements[field];
    return control.type === "checkbox" ? (control.checked ? "1" : "") : control.value.trim();
  }
  function remember() {
    const now = new URLSearchParams();
    for (const field of fields) if (valueOf(field)) now.set(field, valueOf(field));
    if (sort) now.set("sort", sort);
    history.replaceState(null, "", String(now) ? `#${now}` : location.pathname + location.search);
  }
  function recall() {
    const now = state();
    for (const field of fields) {
      const control = form.elements[field];
      if (control.type === "checkbox") control.checked = now.get(field) === "1";
      else control.value = now.get(field) ?? "";
      if (control.tagName === "SELECT" && control.selectedIndex < 0) control.value = "";
    }
    sort = now.get("sort") ?? "";
    order();
    filter();
  }
  function filter() {
    const words = valueOf("q").toLowerCase().split(/\s+/).filter(Boolean);
    const status = valueOf("status"), mis = valueOf("mis"), review = valueOf("review"), faults = valueOf("faults");
    let count = 0;
    for (const row of rows) {
      const data = row.dataset;
      const fits = words.every((word) => data.text.includes(word))
        && (!status || data.status === status)
        && (!mis || data.mis.split(" ").includes(mis))
        && (!review || data.review !== "0")
        && (!faults || data.faults !== "0");
      row.hidden = !fits;
      count += fits;
    }
    shown.textContent = `${count} of ${rows.length} shown`;
    nothing.hidden = count > 0;
    document.getElementById("clear").hidden = !fields.some(valueOf);
  }
  function order() {
    const down = sort.startsWith("-");
    const key = down ? sort.slice(1) : sort;
    const column = heads.findIndex((head) => head.dataset.key === key);
    for (const [at, head] of heads.entries()) {
      if (at === column) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
    const ranked = rows.map((row, at) => [row, at]);
    if (column >= 0) {
      const numeric = heads[column].dataset.type === "number";
      const value = (row) => row.cells[column].dataset.value;
      const compare = numeric
        ? (a, b) => Number(value(a)) - Number(value(b))
        : (a, b) => value(a).localeCompare(value(b), undefined, { numeric: true });
      ranked.sort(([a, i], [b, j]) => (down ? -1 : 1) * compare(a, b) || i - j);
    }
    body.append(...ranked.map(([row]) => row));
  }

  for (const head of heads.filter((head) => head.dataset.key)) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...[...head.childNodes].filter((node) => !node.classList?.contains("of")));
    button.insertAdjacentHTML("beforeend", '<span class="arrow" aria-hidden="true"></span>');
    head.prepend(button);
    button.addEventListener("click", () => {
      const key = head.dataset.key;
      // Numbers are wanted largest first, names from A; a third press gives the original order back.
      const steps = head.dataset.type === "number" ? [`-${key}`, key, ""] : [key, `-${key}`, ""];
      sort = steps[(steps.indexOf(sort) + 1) % 3];
      order();
      remember();
    });
  }
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => { filter(); remember(); });
  document.getElementById("clear").addEventListener("click", () => {
    form.reset();
    filter();
    remember();
    form.elements.q.focus();
  });
  for (const link of document.querySelectorAll("a[data-filter]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      history.replaceState(null, "", `#${link.dataset.filter}`);
      recall();
      document.getElementById("submissions").scrollIntoView();
      form.elements.q.focus({ preventScroll: true });
    });
  }
  addEventListener("hashchange", () => { if (location.hash.includes("=")) recall(); });
  recall();
});
