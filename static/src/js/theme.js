// Switches the theme at once and keeps it in the cookie that the server reads.
document.addEventListener('submit', (event) => {
  const form = event.target.closest('[data-theme-form]');
  if (!form || !event.submitter) return;
  event.preventDefault();
  const theme = event.submitter.value;
  document.documentElement.dataset.theme = theme;
  document.cookie = `hera_theme=${theme}; path=${document.body.dataset.base || '/'}; max-age=31536000; samesite=lax`;
  form.closest('details').open = false;
});
