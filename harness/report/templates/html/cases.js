// Filters and unfolds the matrix of cases.
(() => {
  const get = (id) => document.getElementById(id);
  const clauses = [...document.querySelectorAll(".clause")];
  const rows = [...document.querySelectorAll(".clause tbody > tr[id]")].map((row) => {
    const next = row.nextElementSibling;
    const notes = next && next.className === "notes" ? next : null;
    const clause = row.closest(".clause");
    const words = clause.querySelector(".name").textContent + row.textContent + (notes ? notes.textContent : "");
    const odd = row.querySelector("td[class]") !== null;
    return { row, notes, clause, odd, words: words.toLowerCase() };
  });
  const before = new Map(clauses.map((clause) => [clause, clause.open]));
  const find = () => {
    const wanted = get("text").value.toLowerCase().split(/\s+/).filter(Boolean);
    const odd = get("odd").checked;
    const shown = new Map();
    for (const one of rows) {
      const fits = (!odd || one.odd) && wanted.every((word) => one.words.includes(word));
      one.row.hidden = !fits;
      if (one.notes) one.notes.hidden = !fits;
      shown.set(one.clause, (shown.get(one.clause) || 0) + fits);
    }
    const all = !odd && wanted.length === 0;
    for (const clause of clauses) {
      clause.hidden = !shown.get(clause);
      clause.open = all ? before.get(clause) : Boolean(shown.get(clause));
    }
    const many = [...shown.values()].reduce((sum, one) => sum + one, 0);
    get("left").textContent = all ? "" : many + (many === 1 ? " case" : " cases");
  };
  const unfold = () => {
    const open = clauses.some((clause) => !clause.hidden && !clause.open);
    for (const clause of clauses) clause.open = open;
    get("all").textContent = open ? "Fold all" : "Unfold all";
  };
  if (!get("find")) return;
  get("find").hidden = false;
  get("find").addEventListener("submit", (event) => event.preventDefault());
  get("text").addEventListener("input", find);
  get("odd").addEventListener("change", find);
  get("all").addEventListener("click", unfold);
})();
