/** The editor: CodeMirror on a `Y.Text`. Undo covers the person's own changes only. */
import { defaultKeymap } from "@codemirror/commands";
import { markdown } from "@codemirror/lang-markdown";
import { defaultHighlightStyle, HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { EditorState } from "@codemirror/state";
import { drawSelection, EditorView, keymap, placeholder } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { yCollab, yUndoManagerKeymap } from "y-codemirror.next";
import type { Awareness } from "y-protocols/awareness";
import type * as Y from "yjs";
import { checkedAwareness } from "./cursors.ts";

const headings = HighlightStyle.define([
  { tag: tags.heading1, fontSize: "1.6em", fontWeight: "700", textDecoration: "none" },
  { tag: tags.heading2, fontSize: "1.3em", fontWeight: "700", textDecoration: "none" },
  { tag: tags.heading, fontWeight: "700", textDecoration: "none" },
  { tag: tags.link, color: "var(--accent)" },
  { tag: tags.url, color: "var(--accent)" },
  { tag: [tags.processingInstruction, tags.meta], color: "var(--muted)" },
]);

/** @param rootName name of the root type of `doc` that holds the text. */
export const createEditor = (parent: HTMLElement, doc: Y.Doc, awareness: Awareness, rootName: string): EditorView => {
  const text = doc.getText(rootName);
  const state = EditorState.create({
    doc: text.toString(),
    extensions: [
      // CodeMirror's history would undo the changes of others as well.
      keymap.of([...yUndoManagerKeymap, ...defaultKeymap]),
      drawSelection(),
      EditorView.lineWrapping,
      markdown(),
      syntaxHighlighting(headings),
      syntaxHighlighting(defaultHighlightStyle, { fallback: true }),
      placeholder("Write here. Everyone in the session sees it."),
      EditorView.contentAttributes.of({ "aria-label": "Shared notes", spellcheck: "true" }),
      yCollab(text, checkedAwareness(awareness, text, rootName)),
    ],
  });
  // By default CodeMirror follows the slot and adds its styles to the element's shadow root.
  return new EditorView({ state, parent, root: document });
};
