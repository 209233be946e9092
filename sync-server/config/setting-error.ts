/** What stops the start: a message for the operator, in one line, that never holds a secret. */
import type { Setting } from "./settings.ts";

export class SettingError extends Error {}

/** How a message names a setting. */
export const nameOf = ({ flag, env }: Setting): string => `--${flag} (${env})`;
