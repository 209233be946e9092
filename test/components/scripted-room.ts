/**
 * A room client that does what the test says. It replaces the real one (`createRoom`), so that every screen can be
 * shown without a relay.
 */
import * as Y from "yjs";
import "../../components/index.ts";
import { SessionRoom } from "../../components/index.ts";
import type { Refusal } from "../../src/client/content-status.ts";
import type { RoomClient } from "../../src/client/room-client.ts";
import type { RoomClientOptions } from "../../src/client/room-options.ts";
import type { Participant, RoomState, Screen } from "../../src/client/room-state.ts";
import { RoomError } from "../../src/client/room-state.ts";

export const person = (id: string, name: string, more: Partial<Participant> = {}): Participant => ({
  id,
  name,
  role: "participant",
  verified: false,
  self: false,
  ...more,
});

export const ANN = person("a", "Ann Lee", { role: "host", verified: true });
export const BEN = person("b", "Ben");

export const screens = {
  connecting: { name: "connecting" },
  waiting: { name: "waiting", canStart: false },
  waitingToStart: { name: "waiting", canStart: true },
  joined: { name: "joined", run: 1 },
  left: { name: "left" },
  ended: {
    name: "ended",
    end: { at: 1_700_000_000_000, reason: "host-ended", by: { id: "a", name: "Ann Lee" } },
    canStart: false,
    canRejoin: false,
  },
  failed: {
    name: "failed",
    error: new RoomError("unauthorized", "The token is not valid. Ask the host for a new link."),
  },
} as const satisfies Record<string, Screen>;

export const stateOf = (
  screen: Screen,
  role: "host" | "participant" = "participant",
  more: Partial<RoomState> = {},
) => {
  const me = role === "host" ? ANN : BEN;
  const state: RoomState = {
    screen,
    connection: "online",
    me: { id: me.id, name: me.name, role, verified: me.verified },
    people: screen.name === "joined" ? [ANN, BEN].map((one) => ({ ...one, self: one.id === me.id })) : [],
    session: null,
    unsaved: false,
    notices: [],
    ...more,
  };
  return state;
};

export class ScriptedRoom {
  readonly options: RoomClientOptions;
  readonly doc = new Y.Doc();
  readonly awareness = {};
  readonly provider = {};
  readonly calls: string[] = [];
  readonly #ready = Promise.withResolvers<void>();
  readonly ready = this.#ready.promise;
  readonly becomeReady = this.#ready.resolve;
  readonly fail = this.#ready.reject;
  displayName: string;
  state: RoomState;
  #listeners = new Set<(state: RoomState) => void>();
  #refusalListeners = new Set<(refusal: Refusal) => void>();
  #answers = new Map<string, ReturnType<typeof Promise.withResolvers<void>>>();

  constructor(options: RoomClientOptions) {
    this.options = options;
    this.displayName = options.displayName ?? "";
    this.state = stateOf(screens.connecting, "participant", { connection: "connecting", me: null });
  }

  subscribe(listener: (state: RoomState) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  onRefused(listener: (refusal: Refusal) => void): () => void {
    this.#refusalListeners.add(listener);
    return () => void this.#refusalListeners.delete(listener);
  }

  refuse(refusal: Refusal): void {
    for (const listener of this.#refusalListeners) listener(refusal);
  }

  become(state: RoomState): void {
    this.state = state;
    for (const listener of this.#listeners) listener(state);
  }

  /** Answers a command that the element has given. */
  answer(command: string, error?: RoomError): void {
    const answer = this.#answers.get(command)!;
    if (error === undefined) answer.resolve();
    else answer.reject(error);
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  join = (): void => void this.calls.push("join");
  suspend = (): void => void this.calls.push("suspend");
  resume = (): void => void this.calls.push("resume");
  destroy = (): void => void this.calls.push("destroy");
  leave = (): Promise<void> => this.#command("leave");
  rejoin = (): Promise<void> => this.#command("rejoin");
  start = (): Promise<void> => this.#command("start");
  end = (): Promise<void> => this.#command("end");

  #command(name: string): Promise<void> {
    this.calls.push(name);
    const answer = Promise.withResolvers<void>();
    this.#answers.set(name, answer);
    return answer.promise;
  }
}

/** `<session-room>` with scripted clients; the last one is `client`. */
export class ScriptedSessionRoom extends SessionRoom {
  readonly clients: ScriptedRoom[] = [];

  get client(): ScriptedRoom {
    return this.clients.at(-1)!;
  }

  protected override createRoom(options: RoomClientOptions): RoomClient {
    if (options.room === "bad") throw new RoomError("bad-settings", "The room's name is bad.");
    const client = new ScriptedRoom(options);
    this.clients.push(client);
    return client as unknown as RoomClient;
  }
}
customElements.define("scripted-session-room", ScriptedSessionRoom);

/** Puts a room with a text field in it into the page, in the state that is given. */
export const show = async (state?: RoomState, attributes = ""): Promise<ScriptedSessionRoom> => {
  document.body.innerHTML = `
    <main>
      <scripted-session-room relay="http://localhost:1" room="algebra" token="t" ${attributes}>
        <input id="content" aria-label="Content" />
      </scripted-session-room>
    </main>`;
  const element = document.querySelector<ScriptedSessionRoom>("scripted-session-room")!;
  await element.updateComplete;
  if (state !== undefined) await change(element, state);
  return element;
};

export const change = async (element: ScriptedSessionRoom, state: RoomState): Promise<void> => {
  element.client.become(state);
  await settled(element);
};

/** Once the element and its parts have rendered what they know. */
export const settled = async (element: ScriptedSessionRoom): Promise<void> => {
  await new Promise((resolve) => requestAnimationFrame(resolve));
  await element.updateComplete;
};
