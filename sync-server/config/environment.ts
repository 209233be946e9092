/** The environment variables, and which names with our prefix are none of ours. */
import { closest } from "fastest-levenshtein";
import { SettingError } from "./setting-error.ts";
import { ALL_SETTINGS } from "./settings.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

const PREFIX = "SESSION_ROOM_";

/**
 * What Kubernetes sets in every container for a service called `session-room` or `session-room-…`
 * (kubernetes.io/docs/concepts/services-networking/service, "Environment variables").
 */
const OF_KUBERNETES = /^SESSION_ROOM_(?:\w+_)?(?:SERVICE_HOST|PORT(?:_\w+)?)$/;

const withoutPrefix = (name: string): string => (name.startsWith(PREFIX) ? name.slice(PREFIX.length) : name);

/** @throws SettingError for a variable with our prefix that no setting has; an empty one counts as unset. */
export const checkNames = (env: Environment): void => {
  const known = new Map(ALL_SETTINGS.map(({ env: name }) => [withoutPrefix(name), name]));
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith(PREFIX) || !value || known.get(withoutPrefix(name)) === name || OF_KUBERNETES.test(name)) {
      continue;
    }
    // Without the prefix, so that SESSION_ROOM_HOST is near to HOST.
    const nearest = known.get(closest(withoutPrefix(name), [...known.keys()]))!;
    throw new SettingError(`there is no setting ${name}: the nearest is ${nearest}; see --help`);
  }
};
