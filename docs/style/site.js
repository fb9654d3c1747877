// For the keyboard and for screen readers: tables that are wider than the page can be reached and scrolled, and what is
// to be ticked off is named by its own text. The theme makes both without.
const name_them = () => {
  for (const table of document.querySelectorAll(".md-typeset__scrollwrap:not([tabindex])")) {
    table.tabIndex = 0;
    table.setAttribute("role", "region");
    table.setAttribute("aria-label", "Table");
  }
  for (const box of document.querySelectorAll(".task-list-item input:not([aria-label])")) {
    box.setAttribute("aria-label", box.closest("li").textContent.trim());
  }
};
new MutationObserver(name_them).observe(document.body, { childList: true, subtree: true });
name_them();
