/**
 * Mutants of the relay, each with one defect, to test that the simulation detects it: a check that cannot
 * fail proves nothing.
 */
import type { Clock } from "../../src/clock.ts";
import { Content } from "../../sync-server/room/content/content.ts";
import { Deadlines } from "../../sync-server/room/session/deadlines.ts";
import { Journal } from "../../sync-server/store/journal.ts";
import { Presence } from "../../sync-server/room/presence/presence.ts";
import { Receipts } from "../../sync-server/room/connection/receipts.ts";
import { Room } from "../../sync-server/room/room.ts";
import { Peer } from "../../sync-server/gateway/peer.ts";
import { RelayHost } from "./relay-host.ts";

/** Each defect by its description, with the rules of which at least one must be violated. */
export const MUTANTS: Readonly<Record<string, { readonly rules: readonly string[]; readonly apply: () => void }>> = {
  "sends before it has written": {
    rules: ["I3"],
    apply: () => {
      Journal.prototype.afterCommit = (run) => run();
    },
  },
  "never flushes": {
    rules: ["I3"],
    apply: () => {
      const write = Journal.prototype.write;
      Journal.prototype.write = function (this: Journal, each) {
        write.call(this, each, "written");
      };
    },
  },
  "forgets deadlines": {
    rules: ["I1"],
    apply: () => {
      Deadlines.prototype.noticed = () => {};
    },
  },
  "computes deadlines with the wall clock": {
    rules: ["I1"],
    apply: () => {
      RelayHost.prototype.clockForRelay = (clock: Clock) => ({ ...clock, now: clock.wallNow });
    },
  },
  "keeps the presence of disconnected clients": {
    rules: ["I5"],
    apply: () => {
      Presence.prototype.release = () => null;
    },
  },
  "never detaches a connection": {
    rules: ["I1"],
    apply: () => {
      Room.prototype.detach = () => {};
    },
  },
  "keeps dead connections": {
    rules: ["I5"],
    apply: () => {
      Peer.prototype.terminate = () => {};
    },
  },
  "answers SyncStep1 with nothing": {
    rules: ["I4"],
    apply: () => {
      Content.prototype.answer = () => ({ next: () => null, close: () => {} });
    },
  },
  "acknowledges what it has received": {
    rules: ["I3"],
    apply: () => {
      const { received } = Receipts.prototype;
      Receipts.prototype.received = function (this: Receipts, connection, isComplete) {
        const n = received.call(this, connection, isComplete);
        this.settled(connection, n);
        return n;
      };
    },
  },
  "acknowledges nothing": {
    rules: ["I4"],
    apply: () => {
      Receipts.prototype.settled = () => {};
    },
  },
  "never refreshes presence": {
    rules: ["I5"],
    apply: () => {
      Room.prototype.refreshPresence = () => {};
    },
  },
};
