// Links with data-sheet open their page's form in a dialog; the page itself works as well.
const sheet = document.getElementById('sheet');

async function show(response) {
  const page = new DOMParser().parseFromString(await response.text(), 'text/html');
  const form = page.querySelector('[data-sheet-form]');
  if (!form) return false;
  sheet.replaceChildren(form);
  if (!sheet.open) sheet.showModal();
  (form.querySelector('[aria-invalid="true"]') ?? form.querySelector('[autofocus]'))?.focus();
  return true;
}

document.addEventListener('click', async (event) => {
  if (event.target.closest('[data-sheet-close]') && sheet?.open) {
    event.preventDefault();
    sheet.close();
    return;
  }
  if (event.target === sheet) {
    sheet.close();
    return;
  }
  const link = event.target.closest('a[data-sheet]');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  const response = await fetch(link.href);
  if (!response.ok || response.redirected || !(await show(response))) location.assign(link.href);
});

// Sent without leaving the page: errors come back into the dialog, success leads on.
sheet?.addEventListener('submit', async (event) => {
  const form = event.target;
  event.preventDefault();
  const button = form.querySelector('.btn-primary');
  button.disabled = true;
  try {
    const response = await fetch(form.action, { method: 'POST', body: new URLSearchParams(new FormData(form)) });
    if (response.redirected) location.assign(response.url);
    else if (!(await show(response))) form.submit();
  } finally {
    button.disabled = false;
  }
});
