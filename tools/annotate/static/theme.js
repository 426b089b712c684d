// Before the first paint: the colours that the user chose on this machine, else those of the system.
(() => {
  const chosen = localStorage.getItem("liquidtrack.theme");
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
})();
