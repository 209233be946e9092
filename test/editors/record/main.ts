/** Records what real editors send, with their undo managers on. Run by record.mjs in Chromium. */
import * as Y from "yjs";
import { Scene } from "./scene.ts";
import type { Page } from "./scene.ts";
// CodeMirror
import { EditorState } from "@codemirror/state";
import { EditorView, basicSetup } from "codemirror";
import { yCollab } from "y-codemirror.next";
import { Awareness } from "y-protocols/awareness";
// Quill
import Quill from "quill";
import { QuillBinding } from "y-quill";
// ProseMirror
import { Schema } from "prosemirror-model";
import { EditorState as PmState, NodeSelection, TextSelection } from "prosemirror-state";
import { EditorView as PmView } from "prosemirror-view";
import { schema as basic } from "prosemirror-schema-basic";
import { addListNodes, wrapInList } from "prosemirror-schema-list";
import { toggleMark, setBlockType } from "prosemirror-commands";
import { ySyncPlugin, yUndoPlugin, undo as pmUndo, redo as pmRedo } from "y-prosemirror";
// Tiptap
import { Editor } from "@tiptap/core";
import StarterKit from "@tiptap/starter-kit";
import Collaboration from "@tiptap/extension-collaboration";
import Image from "@tiptap/extension-image";
// Lexical
import { createEditor, $getRoot, $createParagraphNode, $createTextNode, $isTextNode } from "lexical";
import { HeadingNode, QuoteNode, $createHeadingNode, $createQuoteNode } from "@lexical/rich-text";
import { ListNode, ListItemNode, $createListNode, $createListItemNode } from "@lexical/list";
import { createBinding, syncLexicalUpdateToYjs, syncYjsChangesToLexical, createUndoManager } from "@lexical/yjs";

const wait = (ms = 20) => new Promise((resolve) => setTimeout(resolve, ms));
const host = (): HTMLElement => document.body.appendChild(document.createElement("div"));

const codemirror = async (): Promise<Scene> => {
  const scene = new Scene();
  const open = (page: Page) => {
    const text = page.doc.getText("codemirror");
    const undo = new Y.UndoManager(text, { captureTimeout: 5 });
    const view = new EditorView({
      parent: host(),
      state: EditorState.create({
        doc: text.toString(),
        extensions: [basicSetup, yCollab(text, new Awareness(page.doc), { undoManager: undo })],
      }),
    });
    return { view, undo, page };
  };
  const a = open(scene.open()),
    b = open(scene.open());
  for (const c of "Hello world, this is a text.\n")
    a.view.dispatch(a.view.state.update({ changes: { from: a.view.state.doc.length, insert: c } }));
  await wait();
  b.view.dispatch({ changes: { from: 5, to: 11, insert: " brave new world 🎉" } });
  await wait();
  b.undo.undo();
  await wait();
  b.undo.redo();
  await wait();
  a.page.goOffline();
  b.page.goOffline();
  for (let i = 0; i < 5; i++) {
    a.view.dispatch({ changes: { from: 0, to: Math.min(3, a.view.state.doc.length), insert: `a${i}` } });
    await wait(8);
    a.undo.undo();
    await wait(8);
  }
  b.view.dispatch({ changes: { from: 0, to: b.view.state.doc.length, insert: "all is new" } });
  a.page.goOnline();
  b.page.goOnline();
  await wait();
  a.undo.undo();
  await wait();
  a.view.dispatch({ changes: { from: 0, insert: "end " } });
  return scene;
};

const quill = async (): Promise<Scene> => {
  const scene = new Scene();
  const open = (page: Page) => {
    const text = page.doc.getText("quill");
    const editor = new Quill(host(), { theme: undefined as never, modules: { history: { userOnly: true } } });
    const binding = new QuillBinding(text, editor);
    const undo = new Y.UndoManager(text, { trackedOrigins: new Set([binding]), captureTimeout: 5 });
    return { editor, undo, page };
  };
  const a = open(scene.open()),
    b = open(scene.open());
  a.editor.insertText(0, "A heading\nSome text with marks\n", "user");
  await wait();
  a.editor.formatLine(0, 1, "header", 1, "user");
  a.editor.formatText(10, 4, "bold", true, "user");
  await wait();
  b.editor.formatText(12, 9, { italic: true, color: "#ff0000" }, "user");
  b.editor.insertEmbed(3, "image", "data:image/png;base64,AAAA", "user");
  await wait();
  b.undo.undo();
  await wait();
  b.undo.redo();
  await wait();
  a.page.goOffline();
  b.page.goOffline();
  for (const size of ["small", "large", "huge", false]) {
    a.editor.formatText(10, 6, "size", size, "user");
    await wait(8);
  }
  b.editor.formatText(8, 8, "bold", false, "user");
  b.editor.deleteText(10, 5, "user");
  b.editor.formatLine(12, 1, "list", "bullet", "user");
  a.page.goOnline();
  b.page.goOnline();
  await wait();
  a.undo.undo();
  await wait();
  a.editor.insertText(0, "x", "user");
  a.editor.deleteText(0, 4, "user");
  return scene;
};

const pmSchema = new Schema({
  nodes: addListNodes(basic.spec.nodes, "paragraph block*", "block").update("image", {
    ...basic.spec.nodes.get("image")!,
    inline: true,
    group: "inline",
    attrs: { src: {}, alt: { default: null }, title: { default: null }, width: { default: 100 } },
  }),
  marks: basic.spec.marks,
});

const prosemirror = async (): Promise<Scene> => {
  const scene = new Scene();
  const open = (page: Page) => {
    const fragment = page.doc.getXmlFragment("prosemirror");
    const view = new PmView(host(), {
      state: PmState.create({ schema: pmSchema, plugins: [ySyncPlugin(fragment), yUndoPlugin()] }),
    });
    return { view, page };
  };
  const a = open(scene.open()),
    b = open(scene.open());
  await wait(50);
  const type = (view: PmView, text: string) => {
    for (const c of text) view.dispatch(view.state.tr.insertText(c));
  };
  type(a.view, "An image follows ");
  await wait();
  a.view.dispatch(a.view.state.tr.replaceSelectionWith(pmSchema.nodes.image!.create({ src: "x.png" })));
  await wait();
  const imageAt = (view: PmView) => {
    let at = -1;
    view.state.doc.descendants((node, pos) => {
      if (node.type.name === "image") at = pos;
    });
    return at;
  };
  const resize = (view: PmView, width: number) => {
    const at = imageAt(view);
    view.dispatch(view.state.tr.setNodeMarkup(at, undefined, { ...view.state.doc.nodeAt(at)!.attrs, width }));
  };
  resize(a.view, 120);
  await wait();
  // Five times offline, with the undo manager on: the case that was lost.
  a.page.goOffline();
  for (const width of [200, 210, 220, 230, 240]) {
    resize(a.view, width);
    await wait(8);
  }
  a.page.goOnline();
  await wait();
  type(a.view, " after it");
  await wait();
  b.page.goOffline();
  b.view.dispatch(b.view.state.tr.setSelection(TextSelection.create(b.view.state.doc, 1, 6)));
  toggleMark(pmSchema.marks.strong!)(b.view.state, b.view.dispatch);
  await wait();
  setBlockType(pmSchema.nodes.heading!, { level: 1 })(b.view.state, b.view.dispatch);
  setBlockType(pmSchema.nodes.heading!, { level: 2 })(b.view.state, b.view.dispatch);
  setBlockType(pmSchema.nodes.heading!, { level: 3 })(b.view.state, b.view.dispatch);
  await wait();
  resize(a.view, 300);
  await wait();
  b.page.goOnline();
  await wait();
  pmUndo(b.view.state);
  await wait();
  pmRedo(b.view.state);
  await wait();
  pmUndo(a.view.state);
  await wait();
  b.view.dispatch(b.view.state.tr.setSelection(TextSelection.atEnd(b.view.state.doc)));
  b.view.dispatch(b.view.state.tr.split(b.view.state.selection.from));
  type(b.view, "item");
  wrapInList(pmSchema.nodes.bullet_list!)(b.view.state, b.view.dispatch);
  await wait();
  a.view.dispatch(
    a.view.state.tr.setSelection(NodeSelection.create(a.view.state.doc, imageAt(a.view))).deleteSelection(),
  );
  await wait();
  type(a.view, "done");
  return scene;
};

const tiptap = async (): Promise<Scene> => {
  const scene = new Scene();
  const open = (page: Page) => ({
    page,
    editor: new Editor({
      element: host(),
      extensions: [
        StarterKit.configure({ undoRedo: false }),
        Image,
        Collaboration.configure({ document: page.doc, field: "tiptap" }),
      ],
    }),
  });
  const a = open(scene.open()),
    b = open(scene.open());
  await wait(50);
  a.editor
    .chain()
    .insertContent("<h1>Title</h1><p>First <strong>bold</strong> words</p><ul><li>one</li><li>two</li></ul>")
    .run();
  await wait();
  a.editor.chain().setImage({ src: "y.png", alt: "1" }).run();
  await wait();
  a.page.goOffline();
  for (let i = 0; i < 5; i++) {
    a.editor
      .chain()
      .setTextSelection(2)
      .updateAttributes("heading", { level: ((i % 3) + 1) as 1 })
      .run();
    await wait(8);
    a.editor.commands.undo();
    a.editor.commands.redo();
  }
  b.editor.chain().setTextSelection({ from: 2, to: 5 }).toggleItalic().run();
  await wait();
  b.editor.commands.undo();
  await wait();
  b.editor.commands.redo();
  a.page.goOnline();
  await wait();
  b.editor.chain().selectAll().deleteSelection().run();
  await wait();
  b.editor.commands.undo();
  await wait();
  a.editor.chain().focus("end").insertContent(" tail").run();
  return scene;
};

const whiteboard = async (gc: boolean): Promise<Scene> => {
  const scene = new Scene();
  const open = (page: Page) => {
    const shapes = page.doc.getMap<Y.Map<unknown>>("shapes"); // Without garbage collection nothing is forgotten anyway, and an undo manager would keep what it can undo.
    const none = { undo() {}, redo() {} };
    return { page, shapes, undo: gc ? new Y.UndoManager(shapes, { captureTimeout: 0 }) : none };
  };
  const a = open(scene.open({ gc })),
    b = open(scene.open({ gc }));
  const add = (board: typeof a, id: string) => {
    const shape = new Y.Map<unknown>();
    board.page.doc.transact(() => {
      board.shapes.set(id, shape);
      shape.set("x", 0);
      shape.set("y", 0);
      shape.set("points", Y.Array.from([1, 2, 3]));
      shape.set("style", new Y.Map(Object.entries({ fill: "red", width: 1 })));
    });
  };
  const move = (board: typeof a, id: string, steps: number) => {
    for (let i = 1; i <= steps; i++)
      board.page.doc.transact(() => {
        board.shapes.get(id)?.set("x", i);
        board.shapes.get(id)?.set("y", { at: i, label: `p${i}` });
      });
  };
  add(a, "s1");
  add(b, "s2");
  move(a, "s1", 10);
  move(b, "s1", 3);
  a.undo.undo();
  a.undo.undo();
  a.undo.redo();
  a.page.goOffline();
  b.page.goOffline();
  move(a, "s1", 7);
  move(a, "s2", 4);
  move(b, "s1", 6);
  (b.shapes.get("s2")!.get("style") as Y.Map<unknown>).set("fill", "blue");
  (b.shapes.get("s2")!.get("style") as Y.Map<unknown>).set("fill", "green");
  b.undo.undo();
  a.page.doc.transact(() => {
    for (let i = 0; i < 6; i++) a.shapes.get("s2")!.set("x", -i);
  });
  a.shapes.delete("s1");
  a.undo.undo();
  a.undo.undo();
  a.undo.redo();
  a.page.goOnline();
  b.page.goOnline();
  move(b, "s2", 3);
  a.shapes.delete("s2");
  b.undo.undo();
  a.undo.undo();
  a.page.doc.getArray("order").push(["s1", "s2"]);
  return scene;
};

const lexical = async (): Promise<Scene> => {
  const scene = new Scene();
  const open = (page: Page) => {
    const editor = createEditor({
      namespace: "t",
      nodes: [HeadingNode, QuoteNode, ListNode, ListItemNode],
      onError: (error) => {
        throw error;
      },
    });
    editor.setRootElement(Object.assign(host(), { contentEditable: "true" }));
    const provider = {
      awareness: {
        getLocalState: () => null,
        getStates: () => new Map(),
        on() {},
        off() {},
        setLocalState() {},
        setLocalStateField() {},
      },
      connect() {},
      disconnect() {},
      on() {},
      off() {},
    };
    const binding = createBinding(editor, provider as never, "main", page.doc, new Map([["main", page.doc]]));
    const shared = binding.root.getSharedType();
    shared.observeDeep((events: never, transaction: Y.Transaction) => {
      if (transaction.origin !== binding)
        syncYjsChangesToLexical(
          binding,
          provider as never,
          events,
          transaction.origin instanceof Y.UndoManager,
          () => {},
        );
    });
    editor.registerUpdateListener(
      ({ prevEditorState, editorState, dirtyElements, dirtyLeaves, normalizedNodes, tags }) => {
        if (!tags.has("skip-collab"))
          syncLexicalUpdateToYjs(
            binding,
            provider as never,
            prevEditorState,
            editorState,
            dirtyElements,
            dirtyLeaves,
            normalizedNodes,
            tags,
          );
      },
    );
    const undo = createUndoManager(binding, shared);
    return {
      editor,
      undo,
      page,
      update: (run: () => void) =>
        new Promise<void>((resolve) => editor.update(run, { discrete: true, onUpdate: resolve })),
    };
  };
  const a = open(scene.open()),
    b = open(scene.open());
  await a.update(() => {
    $getRoot()
      .clear()
      .append(
        $createHeadingNode("h1").append($createTextNode("Title")),
        $createParagraphNode().append($createTextNode("Some words")),
      );
  });
  await wait(30);
  await b.update(() => {
    $getRoot().append(
      $createListNode("bullet").append(
        $createListItemNode().append($createTextNode("one")),
        $createListItemNode().append($createTextNode("two")),
      ),
    );
  });
  await wait(30);
  const text = () => $getRoot().getAllTextNodes()[1]!;
  await a.update(() => {
    text().toggleFormat("bold");
  });
  await wait(30);
  a.page.goOffline();
  for (let i = 0; i < 5; i++) {
    await a.update(() => {
      text().toggleFormat(i % 2 ? "bold" : "italic");
      text().setStyle(`color: #${i}${i}${i}`);
    });
    await wait(10);
  }
  await b.update(() => {
    const node = $getRoot().getAllTextNodes()[0]!;
    if ($isTextNode(node)) node.setTextContent("Another title");
  });
  await wait(30);
  a.page.goOnline();
  await wait(30);
  a.undo.undo();
  await wait(30);
  a.undo.redo();
  await wait(30);
  await b.update(() => {
    $getRoot()
      .getFirstChild()!
      .replace($createQuoteNode().append($createTextNode("quoted")));
  });
  await wait(30);
  await a.update(() => {
    $getRoot().getLastChild()!.remove();
  });
  return scene;
};

const base64 = (bytes: Uint8Array): string => {
  let s = "";
  for (const b of bytes) s += String.fromCharCode(b);
  return btoa(s);
};

(globalThis as never as { record: unknown }).record = async () => {
  const all: Record<string, unknown> = {};
  for (const [name, run] of Object.entries({
    codemirror,
    quill,
    prosemirror,
    tiptap,
    whiteboard: () => whiteboard(true),
    "whiteboard-without-gc": () => whiteboard(false),
    lexical,
  })) {
    const scene = await run();
    await wait(60);
    all[name] = { messages: scene.messages.map(({ page, kind, update }) => ({ page, kind, update: base64(update) })) };
  }
  return all;
};
