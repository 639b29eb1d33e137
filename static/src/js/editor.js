// CodeMirror over a plain textarea. Its styles carry the page's nonce.
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { python } from '@codemirror/lang-python';
import { sql } from '@codemirror/lang-sql';
import { HighlightStyle, StreamLanguage, bracketMatching, indentOnInput, syntaxHighlighting } from '@codemirror/language';
import { shell } from '@codemirror/legacy-modes/mode/shell';
import { highlightSelectionMatches, search, searchKeymap } from '@codemirror/search';
import { Compartment, EditorState } from '@codemirror/state';
import {
  Decoration, EditorView, MatchDecorator, ViewPlugin, drawSelection, highlightActiveLine,
  highlightActiveLineGutter, keymap, lineNumbers,
} from '@codemirror/view';
import { tags } from '@lezer/highlight';

const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.controlKeyword], color: 'light-dark(#8250df, #c9a6ff)' },
  { tag: [tags.string, tags.special(tags.string)], color: 'light-dark(#0a6b3b, #7ee2a8)' },
  { tag: [tags.comment, tags.lineComment, tags.blockComment], color: 'var(--faint)', fontStyle: 'italic' },
  { tag: [tags.number, tags.bool, tags.null], color: 'light-dark(#b45309, #fbbf6a)' },
  { tag: [tags.standard(tags.variableName), tags.function(tags.variableName), tags.typeName], color: 'light-dark(#1d4ed8, #86a9ff)' },
  { tag: [tags.definition(tags.variableName), tags.attributeName], color: 'light-dark(#0e7490, #5fd3ea)' },
]);
const look = EditorView.theme({
  '&': { fontSize: '12.5px', backgroundColor: 'var(--sunken)', color: 'var(--text)' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--mono)', fontVariantLigatures: 'none', lineHeight: '1.6', minHeight: '320px', maxHeight: '70vh' },
  '.cm-gutters': { backgroundColor: 'var(--sunken)', color: 'var(--faint)', borderRight: '1px solid var(--line-soft)' },
  '.cm-lineNumbers .cm-gutterElement': { minWidth: '40px', padding: '0 10px 0 6px' },
  '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'color-mix(in srgb, var(--accent) 7%, transparent)' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '&.cm-focused .cm-selectionBackground, .cm-selectionBackground': { backgroundColor: 'light-dark(#cfdcff, #2d4a8a)' },
  '.cm-panels': { backgroundColor: 'var(--panel)', color: 'var(--text)' },
  '.cm-variable, .cm-variable *': { color: 'light-dark(#c2410c, #ffb27d)', fontWeight: '600' },
});

// Variables of the scheduler stand out in every language.
const variables = new MatchDecorator({ regexp: /\$\{[^}\n]+\}/g, decoration: Decoration.mark({ class: 'cm-variable' }) });
const marked = ViewPlugin.fromClass(class {
  constructor(view) { this.decorations = variables.createDeco(view); }
  update(update) { this.decorations = variables.updateDeco(update, this.decorations); }
}, { decorations: (plugin) => plugin.decorations });

const languages = {
  python: () => python(),
  hive: () => sql(),
  spark: () => sql(),
};
const languageOf = (type) => languages[type]?.() ?? StreamLanguage.define(shell);

export function attach(field, chooser) {
  const language = new Compartment();
  const view = new EditorView({
    state: EditorState.create({
      doc: field.value,
      extensions: [
        EditorView.cspNonce.of(document.body.dataset.nonce),
        lineNumbers(), highlightActiveLineGutter(), highlightActiveLine(), drawSelection(), history(),
        indentOnInput(), bracketMatching(), search({ top: true }), highlightSelectionMatches(),
        keymap.of([...defaultKeymap, ...historyKeymap, ...searchKeymap, indentWithTab]),
        language.of(languageOf(chooser?.value)),
        syntaxHighlighting(colours), marked, look,
        // Left to the browser, text over a selection keeps its colours by inline styles, which the
        // content security policy forbids.
        EditorView.domEventHandlers({
          beforeinput(event, view) {
            const plain = event.inputType === 'insertText' && event.data && !event.isComposing;
            if (!plain || view.state.selection.main.empty) return false;
            view.dispatch(view.state.replaceSelection(event.data), { userEvent: 'input.type', scrollIntoView: true });
            return true;
          },
        }),
        EditorView.contentAttributes.of({ 'aria-label': field.labels[0]?.textContent ?? '' }),
        EditorView.updateListener.of((update) => {
          if (!update.docChanged) return;
          field.value = view.state.doc.toString();
          field.dispatchEvent(new Event('input', { bubbles: true }));
        }),
      ],
    }),
  });
  const host = document.createElement('div');
  host.className = 'cm-host';
  host.append(view.dom);
  field.hidden = true;
  field.after(host);
  chooser?.addEventListener('change', () => view.dispatch({ effects: language.reconfigure(languageOf(chooser.value)) }));
}
