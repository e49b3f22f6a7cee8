"use strict";
// Sorts and filters every table of figures. Rows without a figure stay last, in both directions.
(() => {
  const first = (cell) => (cell.querySelector("strong") || cell).firstChild.textContent.trim();
  // A word is its own key.
  const key = (row, at) => {
    const cell = row.cells[at];
    const by = cell.dataset.by;
    if (by === undefined) return cell.className === "number" ? null : first(cell).toLowerCase();
    const number = Number(by);
    return Number.isNaN(number) || by === "" ? by : number;
  };
  const compare = (a, b) => {
    if (typeof a === "number" && typeof b === "number") return a - b;
    return String(a).localeCompare(String(b), "en", { numeric: true });
  };
  const sort = (table, at) => {
    const head = table.tHead.rows[0].cells[at];
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const one of table.tHead.rows[0].cells) one.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => ({ row, by: key(row, at) }));
    rows.sort((a, b) => {
      if (a.by === null || b.by === null) return (a.by === null) - (b.by === null);
      return down ? compare(b.by, a.by) : compare(a.by, b.by);
    });
    body.append(...rows.map((one) => one.row));
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    [...table.tHead.rows[0].cells].forEach((head, at) => {
      if (!head.textContent) return;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      button.addEventListener("click", () => sort(table, at));
      head.append(button);
    });
    const form = table.closest(".sheet").querySelector("form.find");
    const text = form.querySelector("input");
    if (!text) continue;
    const rows = [...table.tBodies[0].rows].map((row) => ({ row, words: row.textContent.toLowerCase() }));
    const choices = [...form.querySelectorAll("select")];
    const find = () => {
      const wanted = text.value.toLowerCase().split(/\s+/).filter(Boolean);
      let many = 0;
      for (const { row, words } of rows) {
        const chosen = choices.every((one) => !one.value || first(row.cells[one.dataset.column]) === one.value);
        row.hidden = !chosen || !wanted.every((word) => words.includes(word));
        many += !row.hidden;
      }
      form.querySelector("[role=status]").textContent = many === rows.length ? "" : many + " of " + rows.length + " rows";
    };
    form.hidden = false;
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", find);
  }
})();
