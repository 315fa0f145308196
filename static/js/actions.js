"use strict";
// What buttons and menus do. One listener each, on the document: swapped content needs no set-up.
{
  const root = document.documentElement;
  const isNarrow = matchMedia("(max-width: 820px)");
  const byId = (id) => document.getElementById(id);

  // --- Notices ----------------------------------------------------------------------------------------

  const keepFor = (toast, seconds) => {
    let timer = 0;
    const start = () => {
      timer = setTimeout(() => toast.remove(), seconds * 1000);
    };
    const hold = () => clearTimeout(timer);
    toast.addEventListener("pointerenter", hold);
    toast.addEventListener("focusin", hold);
    toast.addEventListener("pointerleave", start);
    toast.addEventListener("focusout", start);
    start();
  };

  const say = (text) => {
    const toast = Object.assign(document.createElement("div"), { className: "toast", textContent: text });
    byId("toasts").append(toast);
  };

  document.addEventListener("chat:toast", ({ detail }) => say(detail.text));

  document.addEventListener("DOMContentLoaded", () => {
    const toasts = byId("toasts");
    for (const toast of toasts.querySelectorAll(".toast")) keepFor(toast, 12);
    new MutationObserver((records) => {
      for (const toast of records.flatMap((record) => [...record.addedNodes])) {
        if (toast.nodeType === Node.ELEMENT_NODE) keepFor(toast, toast.dataset.toast === "undo" ? 12 : 6);
      }
    }).observe(toasts, { childList: true });
  });

  // --- Sidebar -------------------------------------------------------------------------------------------

  const setDrawer = (isOpen) => {
    if (isOpen) root.dataset.drawer = "open";
    else delete root.dataset.drawer;
    byId("main").inert = isOpen;
    (isOpen ? document.querySelector(".new-chat") : document.querySelector("#main .open-sidebar"))?.focus();
  };

  const toggleSidebar = () => {
    if (isNarrow.matches) {
      setDrawer(root.dataset.drawer !== "open");
      return;
    }
    const isClosed = root.dataset.sidebar !== "closed";
    if (isClosed) root.dataset.sidebar = "closed";
    else delete root.dataset.sidebar;
    // The server draws the page with it, so that nothing moves while it loads.
    const year = 31_536_000;
    document.cookie = `sidebar=${isClosed ? "closed" : ""}; path=/; max-age=${isClosed ? year : 0}; samesite=lax`;
    document.querySelector(isClosed ? "#main .open-sidebar" : "#sidebar [data-action=toggle-sidebar]")?.focus();
  };

  isNarrow.addEventListener("change", () => {
    if (!isNarrow.matches && root.dataset.drawer) setDrawer(false);
  });

  document.addEventListener("chat:page", () => {
    if (root.dataset.drawer) setDrawer(false);
  });

  const refreshSidebar = () => document.dispatchEvent(new CustomEvent("chat:list", { detail: { isOld: true } }));

  // A conversation that was just written in stands first today, without a look at the server where it is listed.
  document.addEventListener("chat:sent", () => {
    const id = byId("messages")?.dataset.conversation;
    const row = byId(`row-${id}`);
    const group = document.querySelector("#sidebar-rows .group[data-group=Today]");
    if (row?.closest("[data-group=Pinned]")) return;
    if (row && group) group.querySelector(".rows").prepend(row);
    else refreshSidebar();
    for (const empty of document.querySelectorAll("#sidebar-rows .group:not(:has(.row))")) empty.remove();
  });

  // --- Copying ---------------------------------------------------------------------------------------------

  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Without HTTPS there is no clipboard; the old way still works.
      const area = Object.assign(document.createElement("textarea"), { value: text, className: "visually-hidden" });
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
  };

  const showDone = (button) => {
    clearTimeout(button.doneTimer);
    const use = button.querySelector("use");
    const before = button.dataset.before ??= use ? use.getAttribute("href") : button.textContent;
    if (use) use.setAttribute("href", before.replace(/#.*/, "#check"));
    else button.textContent = "Copied";
    byId("announcer").textContent = "Copied";
    button.doneTimer = setTimeout(() => {
      if (use) use.setAttribute("href", before);
      else button.textContent = before;
    }, 1600);
  };

  const copyFrom = async (button, text) => {
    await copy(text);
    showDone(button);
  };

  const textOfMessage = (article) =>
    article.querySelector("template.raw")?.content.textContent ??
    [...article.querySelectorAll(".part-text .prose")].map((prose) => prose.innerText).join("\n\n");

  // The marks of what has no look (templatetags/tools.py) go back to what they stand for.
  const textOfPre = (pre) => {
    const copied = pre.cloneNode(true);
    for (const mark of copied.querySelectorAll(".unseen")) {
      // A marked line end is followed by the line end itself.
      mark.replaceWith(mark.dataset.code === "a" ? "" : String.fromCodePoint(parseInt(mark.dataset.code, 16)));
    }
    return copied.textContent;
  };

  // A cell that a spreadsheet would take for a formula is made text; numbers stay numbers.
  const csvCell = (cell) => {
    const text = cell.innerText.trim();
    const safe = /^[=+\-@\t\r]/.test(text) && !/^[-+]?[\d.,\s]+%?$/.test(text) ? `'${text}` : text;
    return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };

  const csv = (table) => [...table.rows].map((row) => [...row.cells].map(csvCell).join(",")).join("\r\n");

  // --- Editing a question in its place ---------------------------------------------------------------------------

  const onPhone = matchMedia("(hover: none) and (pointer: coarse)");

  const cancelEdit = (form) => {
    const article = form.closest("article");
    form.remove();
    article.querySelector("[data-edits] button").focus({ preventScroll: true });
  };

  document.addEventListener("htmx:after:settle", () => {
    const text = document.querySelector(".message > .edit-form:not([data-begun]) .edit-text");
    if (!text) return;
    text.form.dataset.begun = "";
    text.focus({ preventScroll: true });
    text.setSelectionRange(text.value.length, text.value.length);
  });

  document.addEventListener("keydown", (event) => {
    const form = event.target.matches?.(".edit-text") && event.target.form;
    if (!form || event.isComposing || event.keyCode === 229) return;
    if (event.key === "Escape" && !event.shiftKey && form.closest("article")) {
      event.preventDefault();
      cancelEdit(form);
    } else if (event.key === "Enter" && !event.shiftKey && !event.altKey) {
      if (onPhone.matches && !event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      form.requestSubmit();
    }
  });

  // --- Buttons -----------------------------------------------------------------------------------------------

  const mayNotify = async () => {
    if ((await Notification.requestPermission()) === "granted") return true;
    say("This browser does not let this site notify you. Its settings for the site say why.");
    return false;
  };

  const offerNotices = () => {
    const button = document.querySelector("[data-action=allow-notices]");
    if (button) button.hidden = !window.Notification || Notification.permission === "granted";
  };

  document.addEventListener("DOMContentLoaded", offerNotices);
  document.addEventListener("htmx:after:settle", offerNotices);

  // Who answers the question at the composer, where somebody was asked with @.
  const showOnce = ({ key, name }) => {
    const once = document.querySelector("#composer [data-once]");
    if (!once) return;
    once.querySelector("[name=ask_once]").value = key;
    once.querySelector("[data-once-name]").textContent = name;
    once.querySelector("button").setAttribute("aria-label", `Ask ${name} no more`);
    once.hidden = !key;
  };

  document.addEventListener("chat:once", ({ detail }) => showOnce(detail));

  const ACTIONS = {
    "toggle-sidebar": toggleSidebar,
    "close-sidebar": () => setDrawer(false),
    shortcuts: () => byId("shortcuts").showModal(),
    "close-dialog": (button, event) => {
      const dialog = button.closest("dialog");
      if (!dialog) return;
      event.preventDefault();
      dialog.close();
    },
    "cancel-edit": (link, event) => {
      const form = link.closest("article > .edit-form");
      if (!form) return;
      event.preventDefault();
      cancelEdit(form);
    },
    // The browser is asked for its leave by this click alone, never by a page that opens.
    notify: async (button, event) => {
      if (!window.Notification || Notification.permission === "granted") return;
      event.preventDefault();
      if (await mayNotify()) button.form.requestSubmit(button);
    },
    "allow-notices": async (button) => {
      button.hidden = await mayNotify();
    },
    "drop-once": (button) => {
      const text = button.closest("form").querySelector(".composer-text");
      showOnce({ key: "", name: "" });
      text.dispatchEvent(new Event("input", { bubbles: true }));
      text.focus();
    },
    example: (button) =>
      document.dispatchEvent(new CustomEvent("chat:fill", { detail: { text: button.dataset.prompt } })),
    "copy-message": (button) => copyFrom(button, textOfMessage(button.closest(".message"))),
    "copy-code": (button) => copyFrom(button, button.closest(".code").querySelector("pre").textContent),
    "copy-text": (button) => copyFrom(button, textOfPre(button.parentElement.querySelector("pre"))),
    "copy-table": (button) => copyFrom(button, csv(button.closest(".table-block").querySelector("table"))),
    "wrap-code": (button) => {
      const isWrapped = button.closest(".code").classList.toggle("is-wrapped");
      button.setAttribute("aria-pressed", String(isWrapped));
    },
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-action]");
    if (button) ACTIONS[button.dataset.action]?.(button, event);
  });

  document.addEventListener("dblclick", ({ target }) => {
    target.closest?.(".row-link")?.parentElement.querySelector("[data-rename]")?.click();
  });

  document.addEventListener("chat:copy-last-code", () => {
    [...document.querySelectorAll("#messages .code-copy")].at(-1)?.click();
  });
  document.addEventListener("chat:toggle-sidebar", toggleSidebar);

  // --- Menus: details elements, so they work without this; here they also close, turn over and take arrow keys ---

  const closeMenus = (except) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (menu !== except && !menu.contains(except)) menu.open = false;
    }
  };

  // The page carries its models once, at the composer; other lists of them are filled when they are opened.
  const fillModels = (list) => {
    const all = document.querySelector("#composer [name=model]");
    if (!all || !list) return;
    const chosen = list.value;
    list.replaceChildren(...[...all.children].map((entry) => entry.cloneNode(true)));
    if ([...list.options].some((option) => option.value === chosen)) list.value = chosen;
    list.removeAttribute("data-all-models");
  };

  document.addEventListener("toggle", ({ target }) => fillModels(target.querySelector?.("[data-all-models]")), true);

  document.addEventListener("toggle", ({ target: menu }) => {
    if (!menu.matches?.("details.menu") || !menu.open) return;
    closeMenus(menu);
    const panel = menu.querySelector(".menu-panel");
    const bounds = (menu.closest(".sidebar-scroll, .scroll") ?? root).getBoundingClientRect();
    const place = panel.getBoundingClientRect();
    if (place.bottom > bounds.bottom) panel.classList.add("up");
    else if (place.top < bounds.top) panel.classList.remove("up");
  }, true);

  document.addEventListener("click", ({ target }) => {
    closeMenus(target.closest?.("details.menu") ?? null);
    if (target.closest?.("a.menu-item, button.menu-item")) closeMenus(null);
  });

  document.addEventListener("keydown", (event) => {
    const menu = event.target.closest?.("details.menu[open]");
    if (!menu || !["ArrowDown", "ArrowUp", "Home", "End"].includes(event.key)) return;
    const items = [...menu.querySelectorAll(".menu-panel :is(a, button, input)")];
    if (!items.length) return;
    event.preventDefault();
    const at = items.indexOf(document.activeElement);
    const next = { ArrowDown: at + 1, ArrowUp: at < 0 ? -1 : at - 1, Home: 0, End: -1 }[event.key];
    items.at(next % items.length).focus();
  });

  // Esc closes what is open, the innermost first. A dialog closes by itself.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.shiftKey || event.isComposing || document.querySelector("dialog[open]")) return;
    const menu = document.querySelector("details.menu[open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    } else if (root.dataset.drawer) {
      setDrawer(false);
    }
  });

  // --- Dialogs and what forms change beside their own place ---------------------------------------------------

  document.addEventListener("htmx:after:settle", ({ detail: { task } }) => {
    const dialog = byId("dialog");
    if (task.target.id !== "dialog-body" || dialog.open) return;
    dialog.showModal();
    dialog.querySelector("[autofocus]")?.select?.();
  });

  document.addEventListener("click", ({ target }) => {
    // A click on the backdrop is a click on the dialog itself.
    if (target.matches?.("dialog[open]")) target.close();
  });

  document.addEventListener("close", ({ target }) => {
    if (target.id === "dialog") byId("dialog-body").replaceChildren();
  }, true);

  const opened = new Set();

  const pickModel = (name) => {
    const picker = document.querySelector("#composer [name=model]");
    if (picker && [...picker.options].some((option) => option.value === name)) picker.value = name;
  };

  const AFTER = {
    "#again-form": () => byId("dialog").close(),
    "#compare-form": () => byId("dialog").close(),
    "[data-chooses]": (form) => pickModel(form.dataset.chooses),
    "[data-brings-back]": (form) => {
      form.closest(".toast")?.remove();
      if (byId("dialog").open) byId("dialog").close();
    },
    "[data-forks]": () => {
      refreshSidebar();
      say("This is a fork. The original stays as it was.");
    },
    "#rename-form": () => byId("dialog").close(),
    "#settings-form": (form, { request }) => {
      pickModel(request.body.get("model"));
      byId("dialog").close();
      say("Settings saved");
    },
    // The stream draws the card anew; until then nothing is decided twice.
    "[data-decides]": (form) => {
      const card = byId(form.id.replace("decide-", "tool-"));
      if (card?.contains(document.activeElement)) card.querySelector("summary").focus({ preventScroll: true });
      for (const button of form.elements) button.disabled = true;
    },
    "[data-removes]": (form) => {
      const id = form.dataset.removes;
      byId(`row-${id}`)?.remove();
      for (const group of document.querySelectorAll("#sidebar-rows .group:not(:has(.row))")) group.remove();
      if (byId("messages")?.dataset.conversation !== id) return;
      opened.add(id);
      document.dispatchEvent(new CustomEvent("chat:visit", { detail: { path: document.body.dataset.home } }));
    },
    "[data-restores]": (form) => {
      const { restores, conversation } = form.dataset;
      form.closest(".toast").remove();
      refreshSidebar();
      if (opened.delete(conversation)) {
        document.dispatchEvent(new CustomEvent("chat:visit", { detail: { path: restores } }));
      }
    },
    "[data-notify-form]": (form, { request }) => {
      document.body.toggleAttribute("data-notify", request.body.get("notify") === "on");
    },
    "[data-theme-form]": (form, { request }) => {
      root.dataset.theme = request.body.get("theme");
      for (const button of form.querySelectorAll("button")) {
        button.setAttribute("aria-pressed", String(button.value === root.dataset.theme));
      }
    },
  };

  document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
    if (ctx.request.method === "GET" || ctx.response.status >= 300) return;
    const source = ctx.sourceElement;
    for (const [selector, act] of Object.entries(AFTER)) {
      // After the swap, which may need the very form.
      if (source.matches(selector)) setTimeout(() => act(source, ctx));
    }
  });
}
