/** [C1] The settings: flags and environment, defaults, and one clear line for each wrong value. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseConfig } from "../../../sync-server/config/config.ts";
import type { RelayConfig } from "../../../sync-server/config/config.ts";
import type { Environment } from "../../../sync-server/config/environment.ts";
import { DEFAULT_LIMITS } from "../../../sync-server/config/limits.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const SECRET = "0123456789abcdef0123456789abcdef";

const configOf = (args: readonly string[], env: Environment = {}): RelayConfig => {
  const parsed = parseConfig(args, env);
  if (!("config" in parsed)) throw new Error(JSON.stringify(parsed));
  return parsed.config;
};

const faultOf = (args: readonly string[], env: Environment = {}): string => {
  const parsed = parseConfig(args, env);
  return parsed.ok ? "none" : parsed.message;
};

describe("the settings", () => {
  it("[C1] have the defaults of the contract", () => {
    expect(configOf([])).toEqual({
      port: 1234,
      host: "127.0.0.1",
      dataDir: "./data",
      hostAbsenceMs: 15 * 60_000,
      restartGraceMs: 30_000,
      tokenTtlMs: 30 * 24 * 3_600_000,
      publicUrl: null,
      tokenSecret: null,
      tokenJwksUrl: null,
      adminKey: null,
      allowedOrigins: null,
      trustedProxies: [],
      store: "sqlite",
      logLevel: "info",
      limits: DEFAULT_LIMITS,
    });
  });

  /** Flag, variable, text, key in the config, value. */
  const EACH: [string, string, string, keyof RelayConfig, unknown][] = [
    ["port", "PORT", "0", "port", 0],
    ["host", "HOST", "0.0.0.0", "host", "0.0.0.0"],
    ["host", "HOST", "[::1]", "host", "::1"],
    ["host", "HOST", "relay.example", "host", "relay.example"],
    ["data-dir", "SESSION_ROOM_DATA_DIR", "/var/lib/rooms", "dataDir", "/var/lib/rooms"],
    ["host-absence", "SESSION_ROOM_HOST_ABSENCE", "500ms", "hostAbsenceMs", 500],
    ["host-absence", "SESSION_ROOM_HOST_ABSENCE", "2h", "hostAbsenceMs", 7_200_000],
    ["restart-grace", "SESSION_ROOM_RESTART_GRACE", "0s", "restartGraceMs", 0],
    ["restart-grace", "SESSION_ROOM_RESTART_GRACE", "5s", "restartGraceMs", 5_000],
    ["token-ttl", "SESSION_ROOM_TOKEN_TTL", "7d", "tokenTtlMs", 604_800_000],
    ["public-url", "SESSION_ROOM_PUBLIC_URL", "https://Rooms.example:443/", "publicUrl", "https://rooms.example"],
    ["public-url", "SESSION_ROOM_PUBLIC_URL", "http://h:8080/a/b/", "publicUrl", "http://h:8080/a/b"],
    ["token-secret", "SESSION_ROOM_TOKEN_SECRET", SECRET, "tokenSecret", SECRET],
    ["token-secret", "SESSION_ROOM_TOKEN_SECRET", "short", "tokenSecret", "short"],
    [
      "token-jwks-url",
      "SESSION_ROOM_TOKEN_JWKS_URL",
      "https://a.example/keys?v=1",
      "tokenJwksUrl",
      "https://a.example/keys?v=1",
    ],
    ["admin-key", "SESSION_ROOM_ADMIN_KEY", "key", "adminKey", "key"],
    [
      "allowed-origins",
      "SESSION_ROOM_ALLOWED_ORIGINS",
      "https://a.example, http://localhost:5173/",
      "allowedOrigins",
      ["https://a.example", "http://localhost:5173"],
    ],
    ["trusted-proxies", "SESSION_ROOM_TRUSTED_PROXIES", "10.0.0.0/8, ::1", "trustedProxies", ["10.0.0.0/8", "::1"]],
    ["store", "SESSION_ROOM_STORE", "memory", "store", "memory"],
    ["log-level", "SESSION_ROOM_LOG_LEVEL", "debug", "logLevel", "debug"],
  ];

  it.each(EACH)("[C1] --%s and %s take %s", (flag, variable, text, key, value) => {
    expect(configOf([`--${flag}`, text])[key]).toEqual(value);
    expect(configOf([`--${flag}=${text}`])[key]).toEqual(value);
    expect(configOf([], { [variable]: text })[key]).toEqual(value);
  });

  it("[C4] the limits that an operator has a reason to change have a flag and a variable, the others have none", () => {
    expect(configOf(["--limit-document-bytes", "7"]).limits).toEqual({ ...DEFAULT_LIMITS, documentBytes: 7 });
    expect(configOf([], { SESSION_ROOM_LIMIT_CONNECTIONS_PER_ROOM: "3" }).limits.connectionsPerRoom).toBe(3);
    const flags = Object.keys(DEFAULT_LIMITS).map(
      (key) => `--limit-${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
    );
    const faults = flags.map((flag) => [flag, faultOf([`${flag}=none`])] as const);
    const settable = faults.filter(([flag, fault]) => fault.startsWith(`${flag} (SESSION_ROOM_LIMIT_`));
    expect(settable.map(([flag]) => flag)).toEqual([
      "--limit-document-bytes",
      "--limit-messages-per-second",
      "--limit-bytes-per-second",
      "--limit-connections-per-room",
      "--limit-connections-per-address",
      "--limit-new-connections-per-second-per-address",
    ]);
    for (const [flag, fault] of faults.filter((each) => !settable.includes(each))) {
      expect(fault).toContain(`there is no flag ${flag}`);
    }
  });

  it("[C4] the defaults admit 1,500 connections and 500 new ones a second from one address", () => {
    expect(configOf([]).limits).toMatchObject({ connectionsPerAddress: 1_500, newConnectionsPerSecondPerAddress: 500 });
  });

  it("[C4] an address of this machine, such as a proxy's, gets no less than any other", () => {
    const ofLoopback = (most: string) =>
      configOf(["--limit-connections-per-address", most]).limits.connectionsPerLoopbackAddress;
    expect(ofLoopback("10")).toBe(DEFAULT_LIMITS.connectionsPerLoopbackAddress);
    expect(ofLoopback("20000")).toBe(20_000);
  });

  it("[C1] a flag takes precedence over the environment, even over an invalid value; the last of two flags counts", () => {
    expect(configOf(["--port=1", "--port=2"], { PORT: "nonsense" }).port).toBe(2);
  });

  it("an empty variable counts as unset, an empty flag does not", () => {
    expect(configOf([], { PORT: "", SESSION_ROOM_TOKEN_SECRET: "", SESSION_ROOM_PUBLIC_URL: "" })).toEqual(
      configOf([]),
    );
    expect(faultOf(["--port="])).toContain('--port (PORT) is ""');
  });
});

describe("a wrong setting", () => {
  it.each<[string, string, string]>([
    ["port", "70000", "a whole number from 0 to 65535"],
    ["port", "1e3", "a whole number"],
    ["port", "-1", "a whole number"],
    ["host", "http://localhost", "without a port"],
    ["host", "localhost:80", "without a port"],
    ["host", "a b", "an IP address or a host name"],
    ["data-dir", " ", "text that is not empty"],
    ["host-absence", "15", "one of the units ms, s, m, h, d"],
    ["host-absence", "1.5h", "a whole number with one of the units"],
    ["host-absence", "0s", "from 1ms to 30d"],
    ["host-absence", "31d", "from 1ms to 30d"],
    ["host-absence", "-5m", "one of the units"],
    ["host-absence", "99999999999999999999d", "one of the units"],
    ["restart-grace", "soon", "one of the units"],
    ["token-ttl", "0s", "from 1s to 3650d"],
    ["public-url", "rooms.example", "an http or https address"],
    ["public-url", "ftp://rooms.example", "an http or https address"],
    ["public-url", "https://rooms.example/?a=1", "without user, query and fragment"],
    ["token-jwks-url", "keys.json", "an http or https address"],
    ["allowed-origins", "https://a.example,,", "origins separated by commas"],
    ["allowed-origins", "*", "leave it out for any"],
    ["allowed-origins", "https://a.example/path", "origins separated by commas"],
    ["trusted-proxies", "10.0.0.0/8,10.0.0.0/33", "entry 2 is neither"],
    ["store", "redis", "sqlite or memory"],
    ["log-level", "loud", "silent or fatal or error"],
    ["limit-document-bytes", "0", "a whole number from 1 to 2147483647"],
    ["limit-document-bytes", "64k", "a whole number from 1"],
  ])("[C1] --%s %s is refused in one line with both names, the value and what is allowed", (flag, value, allowed) => {
    const prefixed = flag.toUpperCase().replaceAll("-", "_");
    const variable = ["PORT", "HOST"].includes(prefixed) ? prefixed : `SESSION_ROOM_${prefixed}`;
    for (const message of [faultOf([`--${flag}=${value}`]), faultOf([], { [variable]: value })]) {
      expect(message).toContain(`--${flag} (${variable}) is ${JSON.stringify(value)}; allowed: `);
      expect(message).toContain(allowed);
      expect(message).not.toContain("\n");
    }
  });

  it.each<[string, string, string]>([
    ["admin-key", "my hunter2", "visible ASCII characters without spaces"],
    ["admin-key", "hunter2\n", "visible ASCII characters without spaces"],
    ["public-url", "https://u:hunter2@rooms.example", "without user"],
    ["allowed-origins", "https://u:hunter2@rooms.example", "origins separated by commas"],
  ])("[C1] --%s is refused without repeating what is secret in it", (flag, value, allowed) => {
    const message = faultOf([`--${flag}=${value}`]);
    expect(message).toContain(`--${flag} (SESSION_ROOM_`);
    expect(message).toContain(allowed);
    expect(message).not.toContain("hunter2");
  });

  it.each<[string[], string]>([
    [["--prot", "1"], "there is no flag --prot: the nearest is --port; see --help"],
    [["--token-secert=hunter2"], "there is no flag --token-secert: the nearest is --token-secret; see --help"],
    [["-p", "1"], "there is no flag -p: the nearest is --port; see --help"],
    [["--no-port"], "there is no flag --no-port: the nearest is --port; see --help"],
    [["--constructor=1"], "there is no flag --constructor: the nearest is --"],
    [["--port", "1", "hunter2"], "there is an argument that belongs to no flag; see --help"],
    [["hunter2", "--port", "1"], "there is an argument that belongs to no flag; see --help"],
    [["--port=1", "--", "hunter2"], "there is an argument that belongs to no flag; see --help"],
    [["--port"], "--port (PORT) needs a value"],
    [["--port", "--host", "::"], "--port (PORT) needs a value"],
    [["--token-secret", "--port", "1"], "--token-secret (SESSION_ROOM_TOKEN_SECRET) needs a value"],
    [["--admin-key", "-hunter2"], "--admin-key (SESSION_ROOM_ADMIN_KEY) needs a value"],
  ])("[C1] [C5] %j is refused", (args, message) => {
    expect(faultOf(args)).toContain(message);
    expect(faultOf(args)).not.toContain("hunter2");
  });

  it("a secret that begins with a dash is given after an equals sign", () => {
    expect(faultOf(["--token-secret", `-${SECRET}`])).toContain("is given as --token-secret=…");
    expect(configOf([`--token-secret=-${SECRET}`]).tokenSecret).toBe(`-${SECRET}`);
  });

  it("[C1] a secret that is given must not be empty: anyone could sign tokens", () => {
    for (const text of ["", "  "])
      expect(faultOf([`--token-secret=${text}`])).toContain("allowed: text that is not empty");
  });
});

describe("an unknown variable", () => {
  it.each<[string, string]>([
    ["SESSION_ROOM_ADMINKEY", "SESSION_ROOM_ADMIN_KEY"],
    ["SESSION_ROOM_HOST_ABSENCE_MS", "SESSION_ROOM_HOST_ABSENCE"],
    ["SESSION_ROOM_DATADIR", "SESSION_ROOM_DATA_DIR"],
    ["SESSION_ROOM_LIMIT_MESSAGES_PER_SECONDS", "SESSION_ROOM_LIMIT_MESSAGES_PER_SECOND"],
    ["SESSION_ROOM_HOST", "HOST"],
    ["SESSION_ROOM_log_level", "SESSION_ROOM_LOG_LEVEL"],
    ["SESSION_ROOM_constructor", "PORT"],
    ["SESSION_ROOM_", "PORT"],
  ])("[C5] %s is refused in one line with the nearest name, without its value", (name, nearest) => {
    const message = faultOf([], { [name]: "hunter2" });
    expect(message).toContain(`there is no setting ${name}: the nearest is ${nearest}`);
    expect(message).not.toMatch(/\n|hunter2/);
  });

  it.each([
    "SESSION_ROOM_SERVICE_HOST",
    "SESSION_ROOM_SERVICE_PORT",
    "SESSION_ROOM_SERVICE_PORT_HTTP",
    "SESSION_ROOM_PORT",
    "SESSION_ROOM_PORT_1234_TCP",
    "SESSION_ROOM_PORT_1234_TCP_PROTO",
    "SESSION_ROOM_PORT_1234_TCP_PORT",
    "SESSION_ROOM_PORT_1234_TCP_ADDR",
    "SESSION_ROOM_REDIS_SERVICE_HOST",
    "SESSION_ROOM_REDIS_SERVICE_PORT_REDIS",
    "SESSION_ROOM_REDIS_PORT_6379_TCP_ADDR",
  ])("[C5] %s, which Kubernetes sets, is ignored", (name) => {
    expect(configOf([], { [name]: "tcp://10.0.0.1:1234" })).toEqual(configOf([]));
  });

  it("[C5] other names, and empty variables, are ignored", () => {
    const env = { SESSION_ROOM_ADMINKEY: "", SESSION_ROOM_NONE: undefined, SESSION_ROOMS: "x", MY_SESSION_ROOM_X: "x" };
    expect(configOf([], { ...env, PROT: "1", session_room_port: "1" })).toEqual(configOf([]));
  });

  it("[C5] help needs no known variables", () => {
    expect(parseConfig(["--help"], { SESSION_ROOM_ADMINKEY: "x" })).toHaveProperty("help");
  });
});

describe("a secret in a file", () => {
  const fileWith = (content: string): string => {
    const file = join(temporaryFolder(), "secret");
    writeFileSync(file, content);
    return file;
  };

  it.each(["", "\n", "\r\n", "\n\n"])("[C6] is read by flag and variable, without %j at its end", (end) => {
    const file = fileWith(SECRET + end);
    for (const config of [
      configOf(["--token-secret-file", file, `--admin-key-file=${file}`]),
      configOf([], { SESSION_ROOM_TOKEN_SECRET_FILE: file, SESSION_ROOM_ADMIN_KEY_FILE: file }),
      configOf([`--token-secret-file=${file}`], {
        SESSION_ROOM_TOKEN_SECRET_FILE: "/none",
        SESSION_ROOM_ADMIN_KEY_FILE: file,
      }),
    ]) {
      expect(config).toMatchObject({ tokenSecret: SECRET, adminKey: SECRET });
    }
  });

  it("[C6] keeps everything else that is in the file", () => {
    const file = fileWith(" two\nlines \n");
    expect(configOf(["--token-secret-file", file]).tokenSecret).toBe(" two\nlines ");
  });

  it("[C6] is refused beside the secret itself, however both are given", () => {
    const file = fileWith(SECRET);
    for (const [args, env] of [
      [[`--admin-key-file=${file}`, "--admin-key=hunter2"], {}],
      [[`--admin-key-file=${file}`], { SESSION_ROOM_ADMIN_KEY: "hunter2" }],
      [["--admin-key=hunter2"], { SESSION_ROOM_ADMIN_KEY_FILE: file }],
      [[], { SESSION_ROOM_ADMIN_KEY: "hunter2", SESSION_ROOM_ADMIN_KEY_FILE: file }],
    ] as const) {
      expect(faultOf(args, env)).toBe(
        "--admin-key (SESSION_ROOM_ADMIN_KEY) and --admin-key-file (SESSION_ROOM_ADMIN_KEY_FILE) are both given; allowed: one of them",
      );
    }
    expect(configOf([], { SESSION_ROOM_ADMIN_KEY: "", SESSION_ROOM_ADMIN_KEY_FILE: file }).adminKey).toBe(SECRET);
  });

  it("[C6] stops the start with the file's name if it cannot be read", () => {
    const folder = temporaryFolder();
    for (const [file, reason] of [
      [join(folder, "none"), "ENOENT"],
      [folder, "EISDIR"],
    ] as const) {
      expect(faultOf(["--token-secret-file", file])).toBe(
        `--token-secret-file (SESSION_ROOM_TOKEN_SECRET_FILE) is "${file}", which cannot be read (${reason})`,
      );
    }
    expect(faultOf(["--token-secret-file="])).toContain('_FILE) is ""; allowed: text that is not empty');
  });

  it.each([
    ["token-secret", ""],
    ["token-secret", "\n"],
    ["admin-key", "\n"],
    ["admin-key", "hunter2 and more"],
    ["admin-key", "hunter2\nhunter3\n"],
  ])("[C6] --%s-file stops the start if the file holds %j, without repeating it", (flag, content) => {
    const file = fileWith(content);
    const message = faultOf([`--${flag}-file`, file]);
    expect(message).toContain(`_FILE) is "${file}", whose content is not allowed; allowed: `);
    expect(message).not.toMatch(/hunter|\n/);
  });
});

describe("help and version", () => {
  it("help lists every setting with its variable and default, and needs no valid environment", () => {
    const parsed = parseConfig(["--help"], { PORT: "nonsense" });
    const help = "help" in parsed ? parsed.help : "";
    for (const text of ["--port", "(default: 1234, env: PORT)", "(default: 15m, env: SESSION_ROOM_HOST_ABSENCE)"]) {
      expect(help).toContain(text);
    }
    expect(help).toContain("(default: 30d, env: ");
    expect(Math.max(...help.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
    expect(help).toContain("--limit-document-bytes");
    expect(help).not.toContain("null");
    expect(parseConfig(["-h"], {})).toEqual(parsed);
  });

  it("version asks for the version", () => {
    expect(parseConfig(["--version"], {})).toEqual({ ok: true, version: true });
  });
});
