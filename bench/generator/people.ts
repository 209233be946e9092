/** People on raw sockets, and how they enter a room. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Target } from "../servers.ts";
import { DIALECTS } from "../wire/dialect.ts";
import type { Dialect, Person } from "../wire/dialect.ts";
import { clientFrame } from "../wire/frame.ts";
import { RawClient } from "../wire/raw-client.ts";

const ENTER_MS = 60_000;
/** How many enter at the same time. */
const AT_ONCE = 32;
const KEEP_ALIVE_EVERY_MS = 25_000;

/** Called for a message; its type is at `body`, and it ends before `to`. */
export type OnBody = (bytes: Buffer, body: number, to: number, nowMs: number) => void;

export class PersonClient {
  readonly person: Person;
  readonly dialect: Dialect;
  readonly #client: RawClient;
  #keepAlive: NodeJS.Timeout | null = null;
  /** Called for each message after the welcome. */
  onBody: OnBody = () => {};

  private constructor(person: Person, dialect: Dialect, client: RawClient) {
    this.person = person;
    this.dialect = dialect;
    this.#client = client;
  }

  /** Enters the room; resolves when the server has confirmed it. */
  static async enter(target: Target, person: Person): Promise<PersonClient> {
    const dialect = DIALECTS[target.dialect];
    const { path, protocols } = await dialect.handshake(person);
    const { promise: welcomed, resolve, reject } = Promise.withResolvers<void>();
    welcomed.catch(() => {});
    let isIn = dialect.isWelcome === null;
    if (isIn) resolve();
    let entered: PersonClient | null = null;
    const client = await RawClient.open(target.port, path, protocols, (bytes, from, to, nowMs) => {
      const body = dialect.bodyAt(bytes, from);
      if (isIn) return entered?.onBody(bytes, body, to, nowMs);
      if (!dialect.isWelcome!(bytes, body, to)) return;
      isIn = true;
      resolve();
    });
    entered = new PersonClient(person, dialect, client);
    client.onClosed = (code) => {
      reject(new Error(`${person.name} was disconnected (${code})`));
      entered.onClosed(code);
    };
    for (const message of dialect.hello(person)) client.send(message);
    const timer = setTimeout(() => reject(new Error(`${person.name} was not admitted in time`)), ENTER_MS);
    await welcomed;
    clearTimeout(timer);
    entered.#keepAlive = entered.#startKeepAlive();
    return entered;
  }

  onClosed: (code: number | null) => void = (code) => {
    throw new Error(`the server closed the connection of ${this.person.name} (${code})`);
  };

  get received(): { bytes: number; messages: number } {
    const { bytesReceived, messagesReceived } = this.#client;
    return { bytes: bytesReceived, messages: messagesReceived };
  }

  /** The frame of a message that is sent later or repeatedly. */
  frame(message: Uint8Array): Buffer {
    return clientFrame(this.dialect.wrap(message, this.person.room));
  }

  send(message: Uint8Array): void {
    this.#client.sendFrame(this.frame(message));
  }

  sendFrame(frame: Uint8Array): void {
    this.#client.sendFrame(frame);
  }

  close(): void {
    if (this.#keepAlive !== null) clearInterval(this.#keepAlive);
    this.#client.close();
  }

  #startKeepAlive(): NodeJS.Timeout | null {
    const { keepAlive } = this.dialect;
    return keepAlive === null ? null : setInterval(() => this.send(keepAlive), KEEP_ALIVE_EVERY_MS);
  }
}

/** Connects everybody, hosts first, since a host starts the session. */
export const enterAll = async (target: Target, people: readonly Person[]): Promise<PersonClient[]> => {
  const entered = new Map<Person, PersonClient>();
  const enterThese = async (these: readonly Person[]): Promise<void> => {
    const waiting = [...these];
    const next = async (): Promise<void> => {
      for (let person = waiting.shift(); person !== undefined; person = waiting.shift()) {
        entered.set(person, await PersonClient.enter(target, person));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, next));
  };
  await enterThese(people.filter(({ isHost }) => isHost));
  await enterThese(people.filter(({ isHost }) => !isHost));
  // Messages that the joins cause are not part of the measurement.
  await sleep(100);
  return people.map((person) => entered.get(person)!);
};

/** The first person is a host. */
export const peopleOf = (room: string, count: number): Person[] =>
  Array.from({ length: count }, (_, i) => ({ room, name: `${room}-p${i}`, isHost: i === 0 }));

/** Waits until nobody has received anything for 400 ms; in a full room the messages after a join may take long. */
export const untilQuiet = async (people: readonly PersonClient[], atMostMs = 60_000): Promise<void> => {
  const total = (): number => people.reduce((sum, { received }) => sum + received.bytes, 0);
  const endsAt = performance.now() + atMostMs;
  for (let before = -1, now = total(); now !== before && performance.now() < endsAt; now = total()) {
    before = now;
    await sleep(400);
  }
};
