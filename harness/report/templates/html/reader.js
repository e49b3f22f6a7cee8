// Sets two sources side by side: parts of the same name, in the same order, stand in one row.
(() => {
  const get = (id) => document.getElementById(id);
  const files = [...document.querySelectorAll("#files > .file")];
  if (!files.length) return;
  const what = get("what"), left = get("left-one"), right = get("right-one"), pair = get("pair");
  const make = (tag, css, text) => {
    const made = document.createElement(tag);
    if (css) made.className = css;
    if (text) made.textContent = text;
    return made;
  };
  const option = (select, value, text) => {
    const made = make("option", "", text);
    made.value = value;
    select.append(made);
  };
  const unique = (key) => new Map(files.map((one) => [one.dataset[key], one.dataset.title]));
  for (const workload of unique("workload").keys()) option(what, workload, workload);
  for (const [name, title] of unique("name")) {
    option(left, name, title);
    option(right, name, title);
  }
  // The longest common subsequence of the names: what has no fellow stands alone.
  const align = (a, b) => {
    const best = a.concat("").map(() => new Array(b.length + 1).fill(0));
    for (let i = a.length - 1; i >= 0; i--)
      for (let j = b.length - 1; j >= 0; j--)
        best[i][j] = a[i] === b[j] ? best[i + 1][j + 1] + 1 : Math.max(best[i + 1][j], best[i][j + 1]);
    const rows = [];
    let i = 0, j = 0;
    while (i < a.length || j < b.length) {
      if (i < a.length && j < b.length && a[i] === b[j]) rows.push([i++, j++]);
      else if (j >= b.length || (i < a.length && best[i + 1][j] >= best[i][j + 1])) rows.push([i++, null]);
      else rows.push([null, j++]);
    }
    return rows;
  };
  const file = (name) => files.find((one) => one.dataset.name === name && one.dataset.workload === what.value);
  const parts = (one) => (one ? [...one.querySelectorAll("pre.code")] : []);
  const about = (one, name) => {
    const made = make("div", "about");
    made.append(make("h3", "", one ? one.dataset.title : name));
    if (one) made.append(...one.querySelector(".about").cloneNode(true).childNodes);
    else made.append(make("p", "", "No source to show."));
    return made;
  };
  const side = (one, title, name) => {
    const made = make("div", "side");
    if (!one) {
      made.classList.add("none");
      made.append(make("p", "", title + " has no " + name));
      return made;
    }
    made.append(make("p", "whose", title + ", line " + one.dataset.begin), one.cloneNode(true));
    return made;
  };
  const show = () => {
    const [a, b] = [file(left.value), file(right.value)];
    const [one, two] = [parts(a), parts(b)];
    const titles = [left, right].map((select) => select.selectedOptions[0].textContent);
    const head = make("div", "row heading");
    head.append(about(a, titles[0]), about(b, titles[1]));
    const rows = align(one.map((p) => p.dataset.part), two.map((p) => p.dataset.part)).map(([i, j]) => {
      const name = (i === null ? two[j] : one[i]).dataset.part;
      const row = make("div", "row");
      row.append(make("h4", "", name), side(one[i], titles[0], name), side(two[j], titles[1], name));
      return row;
    });
    pair.replaceChildren(head, ...rows);
  };
  const has = (select, value) => [...select.options].some((one) => one.value === value);
  // #read=echo,trio,gevent
  const chosen = () => {
    if (!location.hash.startsWith("#read=")) return false;
    const [workload, a, b] = location.hash.slice("#read=".length).split(",");
    if (has(what, workload)) what.value = workload;
    if (has(left, a)) left.value = a;
    if (has(right, b)) right.value = b;
    show();
    get("read").scrollIntoView();
    return true;
  };
  const change = () => {
    history.replaceState(null, "", "#read=" + [what.value, left.value, right.value].join(","));
    show();
  };
  right.selectedIndex = Math.min(1, right.options.length - 1);
  get("choose").hidden = false;
  pair.hidden = false;
  get("files").hidden = true;
  get("choose").addEventListener("submit", (event) => event.preventDefault());
  get("choose").addEventListener("change", change);
  get("swap").addEventListener("click", () => {
    [left.value, right.value] = [right.value, left.value];
    change();
  });
  addEventListener("hashchange", chosen);
  document.addEventListener("drawn", chosen, { once: true });
  if (!chosen()) show();
})();
