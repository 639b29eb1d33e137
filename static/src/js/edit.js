// The editor is fetched only where a script is edited; until then, and without scripts, the
// plain field works. Leaving with unsaved changes asks first.
const field = document.querySelector('[data-editor]:is(textarea)');
if (field) {
  import(document.body.dataset.editor).then(({ attach }) => attach(field, document.querySelector('[data-language]')));
}

const form = document.querySelector('[data-edit]');
// Refused: the first field that is marked is the place to go on.
form?.querySelector('[aria-invalid="true"]:not([data-editor])')?.focus();
if (form) {
  let changed = false;
  let sent = false;
  form.addEventListener('input', () => { changed = true; });
  // A day of a calendar is a change too, though nothing is typed.
  form.addEventListener('click', (event) => { changed ||= event.target.name === 'toggle'; });
  // A button that opens something aside leaves the text unsaved here.
  form.addEventListener('submit', (event) => { sent = !event.submitter || !('aside' in event.submitter.dataset); });
  window.addEventListener('beforeunload', (event) => {
    if (changed && !sent) event.preventDefault();
  });
  document.addEventListener('keydown', (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 's') {
      event.preventDefault();
      form.requestSubmit();
    }
  });
}
