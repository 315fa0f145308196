"use strict";
// The panel's light and dark: the same choice as the chat's, kept with the account.
{
  const { theme, address } = document.currentScript.dataset;
  const order = ["system", "light", "dark"];
  let current = order.includes(theme) ? theme : "system";

  // Django's style sheets call it "auto".
  const show = () => {
    document.documentElement.dataset.theme = current === "system" ? "auto" : current;
  };

  const keep = () => {
    const token = document.querySelector("[name=csrfmiddlewaretoken]");
    if (!address || !token) return;
    const body = new URLSearchParams({ theme: current, csrfmiddlewaretoken: token.value });
    fetch(address, { method: "POST", body, headers: { "HX-Request": "true" } }).catch(() => {});
  };

  show();
  document.addEventListener("DOMContentLoaded", () => {
    for (const button of document.querySelectorAll(".theme-toggle")) {
      button.addEventListener("click", () => {
        current = order[(order.indexOf(current) + 1) % order.length];
        show();
        keep();
      });
    }
    for (const button of document.querySelectorAll("[data-copy]")) {
      const field = document.getElementById(button.dataset.copy);
      button.hidden = false;
      button.addEventListener("click", async () => {
        field.select();
        try {
          await navigator.clipboard.writeText(field.value);
        } catch {
          // Without HTTPS there is no clipboard; the old way still works.
          document.execCommand("copy");
        }
        button.textContent = "Copied";
      });
    }
  });
}
