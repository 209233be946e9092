/**
 * What a relay receives from two pages of one room: each page's Update messages while it is online, and one
 * SyncStep2 when it comes back. The pages' documents get each other's updates, as through a relay.
 */
import * as Y from "yjs";

export type RecordedMessage = { readonly page: number; readonly kind: "update" | "sync"; readonly update: Uint8Array };

const REMOTE = "remote";

export class Page {
  readonly doc: Y.Doc;
  isOnline = true;
  readonly #scene: Scene;
  readonly #number: number;

  constructor(scene: Scene, number: number, doc: Y.Doc) {
    this.#scene = scene;
    this.#number = number;
    this.doc = doc;
    doc.on("update", (update: Uint8Array, origin: unknown) => {
      if (origin !== REMOTE && this.isOnline) scene.receive({ page: number, kind: "update", update });
    });
  }

  goOffline(): void {
    this.isOnline = false;
  }

  goOnline(): void {
    this.isOnline = true;
    const { relay } = this.#scene;
    const sync = Y.encodeStateAsUpdate(this.doc, Y.encodeStateVector(relay));
    this.#scene.receive({ page: this.#number, kind: "sync", update: sync });
    Y.applyUpdate(this.doc, Y.encodeStateAsUpdate(relay, Y.encodeStateVector(this.doc)), REMOTE);
  }
}

export class Scene {
  readonly messages: RecordedMessage[] = [];
  readonly relay = new Y.Doc();
  readonly pages: Page[] = [];

  open(options: { gc?: boolean } = {}): Page {
    const doc = new Y.Doc(options);
    // Fixed ids, so that a recording can be compared with the next.
    doc.clientID = 1_000_001 + this.pages.length;
    const page = new Page(this, this.pages.length, doc);
    this.pages.push(page);
    return page;
  }

  receive(message: RecordedMessage): void {
    this.messages.push(message);
    Y.applyUpdate(this.relay, message.update);
    this.pages.forEach((page, number) => {
      if (number !== message.page && page.isOnline) Y.applyUpdate(page.doc, message.update, REMOTE);
    });
  }
}
