/** Somebody with an invalid token or with invalid frames. */
import { WebSocket } from "ws";
import { CloseCode } from "../../src/protocol/close-codes.ts";
import type { Random } from "../random.ts";
import { countOne } from "./findings.ts";
import type { SoakRoom } from "./soak-room.ts";
import type { World } from "./world.ts";

/** How long the relay may take to close the connection, in real ms. */
const TIMEOUT_MS = 5_000;
const TOKEN_MS = 3_600_000;

/** A malformed update. Outside a live run the relay does not read updates (W5), and so accepts it. */
const BAD_UPDATE = Uint8Array.of(0, 2, 5, 255, 255, 255, 255, 255);

type Attempt = { readonly token: string; readonly frame: Uint8Array | string | null; readonly code: number };

const attempt = async ({ relay, clock }: World, room: SoakRoom, random: Random): Promise<Attempt> => {
  const { status } = await relay.describe(room.name);
  const sign = (name: string, expiresAt: number) => relay.token({ room: name, role: "participant", expiresAt });
  const now = clock.now();
  const good = await sign(room.name, now + TOKEN_MS);
  return random.pick<Attempt>([
    { token: "no token at all", frame: null, code: CloseCode.unauthorized },
    { token: `${good.slice(0, -4)}AAAA`, frame: null, code: CloseCode.unauthorized },
    { token: await sign(room.name, now - TOKEN_MS), frame: null, code: CloseCode.unauthorized },
    { token: await sign(`${room.name}-next-door`, now + TOKEN_MS), frame: null, code: CloseCode.forbidden },
    { token: good, frame: status === "live" ? BAD_UPDATE : "Good morning", code: CloseCode.badMessage },
    { token: good, frame: Uint8Array.of(77, 1, 2, 3), code: CloseCode.badMessage },
    { token: good, frame: "Is this the right room?", code: CloseCode.badMessage },
  ]);
};

/** Connects, and must be closed with the right code. They are listed for a moment, so all activity is paused. */
export const sendIntruder = async (world: World, room: SoakRoom, random: Random): Promise<void> => {
  const { findings, relay } = world;
  const { token, frame, code } = await attempt(world, room, random);
  const release = room.pauseActivity();
  try {
    const socket = new WebSocket(`${relay.wsUrl}/${encodeURIComponent(room.name)}?token=${token}`);
    const actualCode = await new Promise<number>((resolve) => {
      const timer = setTimeout(() => resolve(0), TIMEOUT_MS);
      socket.on("open", () => {
        if (frame !== null) socket.send(frame);
      });
      socket.on("error", () => {});
      socket.on("close", (closeCode) => {
        clearTimeout(timer);
        resolve(closeCode);
      });
    });
    socket.terminate();
    findings.intruders++;
    const isUnread = actualCode === 0 && frame === BAD_UPDATE && (await relay.describe(room.name)).status !== "live";
    if (isUnread) return;
    // In an ended room, connections of stock clients are closed before their frames are read.
    if (actualCode === code || (actualCode === CloseCode.sessionEnded && frame !== null))
      countOne(findings.closes, actualCode);
    else findings.add("unexpected closes", `${room.name}, an intruder: ${actualCode || "none"} instead of ${code}`);
  } finally {
    release();
  }
};
