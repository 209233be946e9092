/**
 * What is stored in this browser between visits: the person's name, and the invite links of the rooms that were made
 * here, so that a host can copy them again. Everything works in a browser that stores nothing.
 */
import { cleanPersonName } from "../../src/protocol/protocol.ts";

const NAME_KEY = "session-room.name";
const inviteKey = (room: string): string => `session-room.invite.${room}`;

const read = (key: string): string => {
  try {
    return localStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
};

const write = (key: string, value: string): void => {
  try {
    localStorage.setItem(key, value);
  } catch {
    // A private window or a full storage.
  }
};

export const rememberedName = (): string => cleanPersonName(read(NAME_KEY));
export const rememberName = (name: string): void => write(NAME_KEY, cleanPersonName(name));

export const rememberedInvite = (room: string): string => read(inviteKey(room));
export const rememberInvite = (room: string, url: string): void => write(inviteKey(room), url);
