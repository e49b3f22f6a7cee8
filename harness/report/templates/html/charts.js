// Draws the charts from their specifications, in the theme and for the width that there is.
(() => {
  const source = document.getElementById("drawings");
  if (!source) return;
  const { charts, themes, usual } = JSON.parse(source.textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const narrow = matchMedia("(max-width: 820px)");
  const whose = document.getElementById("whose");
  const tip = document.getElementById("tip");
  const rows = Object.values(charts).flatMap((chart) => Object.values(chart.datasets).flat());
  const boxes = [...new Set(rows.map((row) => row.name).filter(Boolean))].map((name) => {
    const box = document.createElement("input"), label = document.createElement("label");
    box.type = "checkbox";
    box.value = name;
    box.checked = true;
    label.append(box, " " + name);
    whose.append(label);
    return box;
  });
  // What a row holds for drawing alone; Vega adds fields of its own to it.
  const HIDDEN = new Set(["end", "label", "proven", "share", "note", "step"]);
  const known = new Set(rows.flatMap((row) => Object.keys(row)).filter((name) => !HIDDEN.has(name)));

  const word = (value) => (typeof value === "number" ? Number(value.toPrecision(4)).toLocaleString("en") : String(value));
  const tooltip = (_handler, event, item, _value) => {
    const row = item && item.datum && item.datum.datum ? item.datum.datum : item && item.datum;
    if (!row || !row.name) {
      tip.hidden = true;
      return;
    }
    const list = document.createElement("dl");
    for (const [name, value] of Object.entries(row)) {
      if (!known.has(name) || value === null || value === "") continue;
      const term = document.createElement("dt"), said = document.createElement("dd");
      term.textContent = name;
      said.textContent = word(value);
      list.append(term, said);
    }
    tip.replaceChildren(list);
    tip.hidden = false;
    const { clientX: x, clientY: y } = event.touches ? event.touches[0] : event;
    tip.style.left = Math.max(4, Math.min(x + 14, innerWidth - tip.offsetWidth - 8)) + "px";
    tip.style.top = Math.max(4, Math.min(y + 14, innerHeight - tip.offsetHeight - 8)) + "px";
  };
  const options = { mode: "vega-lite", actions: false, renderer: "svg", ast: true, defaultStyle: false, logLevel: 1, tooltip };
  const views = new Map();
  const draw = async (figure) => {
    const chart = charts[figure.dataset.chart];
    const width = narrow.matches ? "narrow" : "wide";
    const gone = new Set(boxes.filter((box) => !box.checked).map((box) => box.value));
    const datasets = Object.fromEntries(
      Object.entries(chart.datasets).map(([name, rows]) => [
        name,
        rows.filter((row) => !gone.has(row.name)),
      ]),
    );
    const config = { ...themes[dark.matches ? "dark" : "light"][width], mark: { tooltip: { content: "data" } } };
    // Who is left out has no empty row either: an axis names its rows.
    const kept = (key, value) => (key === "domain" && Array.isArray(value) ? value.filter((one) => !gone.has(one)) : value);
    const spec = { ...JSON.parse(JSON.stringify(chart[width]), kept), datasets, config };
    if (views.has(figure)) views.get(figure).finalize();
    views.set(figure, await window.vegaEmbed(figure, spec, options));
  };
  let queue = Promise.resolve();
  const drawAll = () => {
    queue = queue.then(async () => {
      for (const figure of document.querySelectorAll("figure[data-chart]")) {
        try {
          await draw(figure);
        } catch (error) {
          figure.textContent = "This chart cannot be drawn: " + error.message;
        }
      }
      document.documentElement.dataset.drawn = String(Number(document.documentElement.dataset.drawn || 0) + 1);
      document.dispatchEvent(new Event("drawn"));
    });
  };
  const choose = (id, chosen) => {
    const button = document.getElementById(id);
    button.hidden = false;
    button.addEventListener("click", () => {
      for (const box of boxes) box.checked = chosen(box.value);
      drawAll();
    });
  };
  choose("show-all", () => true);
  choose("show-none", () => false);
  if (usual.length) choose("show-usual", (name) => usual.includes(name));
  whose.hidden = false;
  whose.addEventListener("change", drawAll);
  dark.addEventListener("change", drawAll);
  narrow.addEventListener("change", drawAll);
  drawAll();
})();
