"use strict";
// The filter is kept in the address after #, so that a view can be linked to: #missed-0, #only-1, #alarms-0, #all.
const cards = [...document.querySelectorAll(".card")];
const buttons = [...document.querySelectorAll("#filters button")];

function show() {
  const [, kind, detector] = /^#(missed|only|alarms)-(\d+)$/.exec(location.hash) || [null, "all", ""];
  let shown = 0;
  for (const card of cards) {
    const fits = kind === "all" || card.dataset[kind].split(" ").includes(detector);
    card.hidden = !fits;
    if (fits) shown += 1;
  }
  for (const button of buttons) {
    const pressed = button.dataset.kind === kind && (button.dataset.detector || "") === detector;
    button.setAttribute("aria-pressed", String(pressed));
  }
  document.getElementById("count").textContent = String(shown);
}

for (const button of buttons) {
  button.addEventListener("click", () => {
    const { kind, detector } = button.dataset;
    history.replaceState(null, "", kind === "all" ? "#all" : `#${kind}-${detector}`);
    show();
  });
}
for (const box of document.querySelectorAll("[data-boxes]")) {
  box.addEventListener("change", () => {
    for (const part of document.querySelectorAll(`.view .${box.dataset.boxes}`)) {
      part.style.display = box.checked ? "" : "none";
    }
  });
}
for (const view of document.querySelectorAll(".view")) {
  const toggle = () => view.closest(".card").classList.toggle("large");
  view.addEventListener("click", toggle);
  view.addEventListener("keydown", (event) => { if (event.key === "Enter") toggle(); });
}
addEventListener("hashchange", show);
show();
