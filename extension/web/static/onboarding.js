// How long it takes until the next code can be sent runs down. Without this script it says how long it was at first.

for (const wait of document.querySelectorAll("[data-wait]")) {
  const end = performance.now() + Number(wait.dataset.wait);
  const timer = wait.querySelector("[role=timer]");
  const tick = () => {
    const seconds = Math.ceil((end - performance.now()) / 1000);
    if (seconds <= 0) {
      wait.setAttribute("role", "status");
      wait.textContent = wait.dataset.over;
      return;
    }
    timer.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    setTimeout(tick, 250);
  };
  tick();
}
