// What an address's fragment opens, and what Escape closes.
(() => {
  const go = () => {
    const target = document.getElementById(location.hash.slice(1));
    if (!target) return;
    for (let one = target; one; one = one.parentElement) {
      if (one.matches("details")) one.open = true;
      one.hidden = false;
    }
    target.scrollIntoView();
  };
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const tip = document.getElementById("tip");
    if (tip && !tip.hidden) {
      tip.hidden = true;
      return;
    }
    const open = document.activeElement && document.activeElement.closest("details[open]");
    if (!open) return;
    open.open = false;
    open.querySelector("summary").focus();
  });
  addEventListener("hashchange", go);
  document.addEventListener("drawn", go, { once: true });
  go();
})();
