/**
 * The floors: servers that forward each message to everybody else in the room and decode nothing. No server that
 * sends everything to everybody can do less. `plain` leaves the framing to ws; `framed` builds each frame once and
 * writes it directly to the TCP sockets.
 */
import { createServer } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import type { RawData, WebSocket } from "ws";

const [kind = "plain", port = "0"] = process.argv.slice(2);

type Member = { readonly socket: WebSocket; readonly stream: Duplex };

const serverFrame = (payload: Buffer): Buffer => {
  const { length } = payload;
  const head = length < 126 ? Buffer.of(0x82, length) : length < 65_536 ? Buffer.alloc(4) : Buffer.alloc(10);
  if (length >= 126) {
    head[0] = 0x82;
    head[1] = length < 65_536 ? 126 : 127;
    if (length < 65_536) head.writeUInt16BE(length, 2);
    else head.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([head, payload]);
};

const rooms = new Map<string, Set<Member>>();
const server = createServer();
const sockets = new WebSocketServer({ server, perMessageDeflate: false, clientTracking: false });
sockets.on("connection", (socket, request) => {
  const name = request.url ?? "/";
  const room = rooms.get(name) ?? new Set();
  rooms.set(name, room);
  const member = { socket, stream: request.socket };
  room.add(member);
  socket.on("message", (data: RawData) => {
    if (kind === "plain") {
      for (const other of room) if (other !== member) other.socket.send(data, { binary: true });
      return;
    }
    const frame = serverFrame(data as Buffer);
    for (const other of room) if (other !== member) other.stream.write(frame);
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    room.delete(member);
    if (room.size === 0) rooms.delete(name);
  });
});
server.listen(Number(port), "127.0.0.1", () => console.log("ready"));
