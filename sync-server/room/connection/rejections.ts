/**
 * The connections of which something was rejected because a client id belongs to another connection: mostly
 * somebody who has reconnected while the relay still takes their former connection for alive.
 */
import type { Connection } from "./connection.ts";

export class Rejections {
  readonly #rejected = new Set<Connection>();

  /**
   * Notes that something of a connection was rejected.
   *
   * @param owner the connection that owns the client id; if it is dead, the probe finds that out within seconds.
   */
  add(connection: Connection, owner: Connection | null): void {
    this.#rejected.add(connection);
    owner?.socket.probe();
  }

  delete(connection: Connection): void {
    this.#rejected.delete(connection);
  }

  /** All of them, once: they may try again. */
  takeAll(): Connection[] {
    const all = [...this.#rejected];
    this.#rejected.clear();
    return all;
  }
}
