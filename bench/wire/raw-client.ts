/**
 * A client on a raw TCP socket that uses little CPU, so that the load generator does not limit the measurement: all
 * sockets read into one buffer, and only what counts a delivery is decoded.
 */
import { connect } from "node:net";
import type { Socket } from "node:net";
import { clientFrame, FrameReader, Opcode } from "./frame.ts";

/** Shared by all sockets: the bytes of one read are processed before the next read. */
const readBuffer = Buffer.allocUnsafeSlow(256 * 1024);

export type OnPayload = (bytes: Buffer, from: number, to: number, nowMs: number) => void;

export class RawClient {
  readonly #socket: Socket;
  readonly #reader = new FrameReader();
  #response: Buffer | null = Buffer.alloc(0);
  #isClosed = false;
  /** Called for each binary message. The bytes are valid only during the call. */
  onPayload: OnPayload;
  /** Called when the server closes the connection, with the close code if there is one. */
  onClosed: (code: number | null) => void = () => {};
  bytesReceived = 0;
  messagesReceived = 0;

  private constructor(socket: Socket, onPayload: OnPayload) {
    this.#socket = socket;
    this.onPayload = onPayload;
  }

  /** Resolves when the server has accepted the upgrade. */
  static open(port: number, path: string, protocols: readonly string[], onPayload: OnPayload): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      let client: RawClient | null = null;
      const socket = connect({
        port,
        host: "127.0.0.1",
        noDelay: true,
        onread: {
          buffer: readBuffer,
          callback: (count) => {
            const opened = client!.#receive(readBuffer.subarray(0, count));
            if (opened) resolve(client!);
            return true;
          },
        },
      });
      client = new RawClient(socket, onPayload);
      socket.on("error", reject);
      socket.on("close", () => {
        reject(new Error(`the server closed the connection during the handshake of ${path.slice(0, 40)}`));
        client!.#closed(null);
      });
      socket.write(
        [
          `GET ${path} HTTP/1.1`,
          `Host: 127.0.0.1:${port}`,
          "Connection: Upgrade",
          "Upgrade: websocket",
          "Sec-WebSocket-Version: 13",
          "Sec-WebSocket-Key: c2Vzc2lvbi1yb29tLWJlbg==",
          ...(protocols.length === 0 ? [] : [`Sec-WebSocket-Protocol: ${protocols.join(", ")}`]),
          "",
          "",
        ].join("\r\n"),
      );
    });
  }

  send(payload: Uint8Array): void {
    this.#socket.write(clientFrame(payload));
  }

  /** Sends a frame that `clientFrame` has made. */
  sendFrame(frame: Uint8Array): void {
    this.#socket.write(frame);
  }

  /** Stops reading; the server's data waits in its socket. */
  pause(): void {
    this.#socket.pause();
  }

  close(): void {
    this.#isClosed = true;
    this.#socket.destroy();
  }

  /** @returns whether this chunk completed the upgrade. */
  #receive(chunk: Buffer): boolean {
    if (this.#response === null) {
      this.#read(chunk);
      return false;
    }
    const response = Buffer.concat([this.#response, chunk]);
    const end = response.indexOf("\r\n\r\n");
    if (end === -1) {
      this.#response = response;
      return false;
    }
    const head = response.subarray(0, end).toString("latin1");
    if (!head.startsWith("HTTP/1.1 101")) throw new Error(`the upgrade was refused: ${head.split("\r\n")[0]}`);
    this.#response = null;
    this.#read(response.subarray(end + 4));
    return true;
  }

  #read(chunk: Buffer): void {
    this.bytesReceived += chunk.length;
    const nowMs = performance.now();
    this.#reader.read(chunk, (opcode, bytes, from, to) => {
      if (opcode === Opcode.binary) {
        this.messagesReceived++;
        this.onPayload(bytes, from, to, nowMs);
      } else if (opcode === Opcode.ping) {
        this.#socket.write(clientFrame(bytes.subarray(from, to), Opcode.pong));
      } else if (opcode === Opcode.close) {
        this.#closed(to - from >= 2 ? bytes.readUInt16BE(from) : null);
      }
    });
  }

  #closed(code: number | null): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.onClosed(code);
  }
}
