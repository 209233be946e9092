/**
 * The room client of `<session-room>`: opened when the settings are complete and the element is in the page, closed
 * when it is removed or another room is set, suspended while the page is away. Runs the actions of the person.
 */
import type { ReactiveController, ReactiveControllerHost } from "lit";
import type { Refusal } from "../src/client/content-status.ts";
import { quietPromise } from "../src/client/quiet-promise.ts";
import type { RoomClient } from "../src/client/room-client.ts";
import { badSettings } from "../src/client/room-errors.ts";
import type { RoomClientOptions } from "../src/client/room-options.ts";
import { NOTHING_KNOWN, RoomError } from "../src/client/room-state.ts";
import type { RoomState } from "../src/client/room-state.ts";
import type { GetToken } from "../src/client/token-renewal.ts";
import type { Action } from "./action-event.ts";
import { SessionRoomErrorEvent, SessionRoomRefusedEvent } from "./events.ts";

/** The element whose properties are the settings of the room. */
export type RoomHost = ReactiveControllerHost &
  EventTarget & {
    readonly isConnected: boolean;
    readonly relay: string;
    readonly room: string;
    readonly token: string;
    readonly displayName: string;
    readonly getToken: GetToken | undefined;
  };

type Failure = { readonly action: Action; readonly message: string };

const failedState = (error: RoomError): RoomState => ({
  ...NOTHING_KNOWN,
  screen: { name: "failed", error },
  connection: "closed",
});

export class RoomController implements ReactiveController {
  readonly #host: RoomHost;
  readonly #createRoom: (options: RoomClientOptions) => RoomClient;
  #client: RoomClient | undefined;
  #unsubscribe: (() => void) | undefined;
  /** What the present client was opened with, so that equal settings do not open it a second time. */
  #openedWith = "";
  /** The display name that the client was given last. */
  #givenName = "";
  #state = NOTHING_KNOWN;
  #ready = quietPromise<RoomClient>();
  #isReadySettled = false;
  /** The action that waits for its answer. */
  #busy: Action | null = null;
  #failure: Failure | null = null;
  /** Listens to the page while the element is in it. */
  #pageListeners: AbortController | undefined;

  constructor(host: RoomHost, createRoom: (options: RoomClientOptions) => RoomClient) {
    this.#host = host;
    this.#createRoom = createRoom;
    host.addController(this);
  }

  get client(): RoomClient | undefined {
    return this.#client;
  }

  get state(): RoomState {
    return this.#state;
  }

  /** Another room has another promise. */
  get ready(): Promise<RoomClient> {
    return this.#ready.promise;
  }

  isBusy(...actions: readonly Action[]): boolean {
    return this.#busy !== null && actions.includes(this.#busy);
  }

  /** Why the last of these actions failed; empty if it did not. */
  failureOf(...actions: readonly Action[]): string {
    return this.#failure !== null && actions.includes(this.#failure.action) ? this.#failure.message : "";
  }

  clearFailure(): void {
    this.#failure = null;
  }

  hostConnected(): void {
    this.#pageListeners = new AbortController();
    const { signal } = this.#pageListeners;
    addEventListener("pagehide", this.#onAway, { signal });
    addEventListener("pageshow", this.#onPageShow, { signal });
    // A background tab that is frozen to save energy gets no `pagehide`.
    document.addEventListener("freeze", this.#onAway, { signal });
    document.addEventListener("resume", this.#onResume, { signal });
    // Not only at the first rendering, so that the element has its `doc` as soon as it is in the page.
    const { relay, room, token } = this.#host;
    if (relay && room && token) this.#open();
  }

  hostDisconnected(): void {
    this.#pageListeners?.abort();
    // An element that is moved is connected again in the same turn, and stays in its session.
    queueMicrotask(() => {
      if (!this.#host.isConnected) this.#close();
    });
  }

  hostUpdate(): void {
    this.#open();
    const { displayName } = this.#host;
    // Only a change of the element's property: the page may have set another name on the client.
    if (this.#client === undefined || displayName === this.#givenName) return;
    this.#givenName = displayName;
    this.#client.displayName = displayName;
  }

  /** @throws RoomError if there is no room, or what the client throws; the latter is shown and dispatched as well. */
  async run(action: Action): Promise<void> {
    const client = this.#client;
    if (client === undefined) throw badSettings("There is no room: set relay, room and token.");
    this.#busy = action;
    this.#failure = null;
    this.#host.requestUpdate();
    try {
      await client[action]();
    } catch (error) {
      if (error instanceof RoomError && client === this.#client) {
        this.#failure = { action, message: error.message };
        this.#host.dispatchEvent(new SessionRoomErrorEvent(error));
      }
      throw error;
    } finally {
      // Another action may run by now: leaving shows its screen before the relay has answered.
      if (this.#busy === action) this.#busy = null;
      this.#host.requestUpdate();
    }
  }

  #open(): void {
    const { isConnected, relay, room, token, displayName } = this.#host;
    const settings = JSON.stringify([relay, room, token]);
    if (!isConnected || settings === this.#openedWith) return;
    this.#close();
    this.#openedWith = settings;
    this.#givenName = displayName;
    if (this.#isReadySettled) this.#ready = quietPromise();
    this.#isReadySettled = false;
    try {
      const getToken = (): string | Promise<string> => this.#host.getToken?.() ?? "";
      const client = this.#createRoom({ relay, room, token, displayName, getToken });
      this.#client = client;
      const unsubscribe = [client.subscribe(this.#setState), client.onRefused(this.#onRefused)];
      this.#unsubscribe = () => unsubscribe.forEach((end) => end());
      client.ready.then(
        () => this.#settleReady(client, null),
        (error: unknown) => this.#settleReady(client, error),
      );
      this.#setState(client.state);
      client.join();
    } catch (error) {
      if (!(error instanceof RoomError)) throw error;
      this.#isReadySettled = true;
      this.#ready.reject(error);
      this.#setState(failedState(error));
    }
  }

  #close(): void {
    this.#unsubscribe?.();
    this.#client?.destroy();
    this.#client = undefined;
    this.#openedWith = "";
    this.#failure = null;
    this.#setState(NOTHING_KNOWN);
  }

  #settleReady(client: RoomClient, error: unknown): void {
    if (client !== this.#client) return;
    this.#isReadySettled = true;
    if (error === null) this.#ready.resolve(client);
    else this.#ready.reject(error);
  }

  readonly #setState = (state: RoomState): void => {
    if (state.screen.name !== this.#state.screen.name) this.#failure = null;
    if (state.unsaved !== this.#state.unsaved) this.#askBeforeClosing(state.unsaved);
    this.#state = state;
    this.#host.requestUpdate();
  };

  /** Only while it is needed: with such a listener some browsers keep no page in their back-forward cache. */
  #askBeforeClosing(asks: boolean): void {
    if (asks) addEventListener("beforeunload", this.#onBeforeUnload);
    else removeEventListener("beforeunload", this.#onBeforeUnload);
  }

  readonly #onBeforeUnload = (event: BeforeUnloadEvent): void => event.preventDefault();

  readonly #onRefused = (refusal: Refusal): void => {
    void this.#host.updateComplete.then(() => this.#host.dispatchEvent(new SessionRoomRefusedEvent(refusal)));
  };

  readonly #onAway = (): void => this.#client?.suspend();

  readonly #onResume = (): void => this.#client?.resume();

  readonly #onPageShow = ({ persisted }: PageTransitionEvent): void => {
    // The first `pageshow` is the end of loading.
    if (persisted) this.#onResume();
  };
}
