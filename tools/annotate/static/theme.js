// Before the first paint: the colours that the user chose on this machine, else those of the system, as they change.
(() => {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const show = () => {
    const chosen = localStorage.getItem("liquidtrack.theme");
    const own = chosen === "dark" || chosen === "light";
    document.documentElement.dataset.theme = own ? chosen : system.matches ? "dark" : "light";
  };
  system.addEventListener("change", show);
  show();
})();
