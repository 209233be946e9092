#!/usr/bin/env node
/**
 * The command `session-room-relay`. Plain JavaScript that old versions of Node can parse, so that
 * they print the message below instead of a syntax error.
 */
var LEAST = [22, 13];

var version = process.versions.node.split(".").map(Number);

if (version[0] < LEAST[0] || (version[0] === LEAST[0] && version[1] < LEAST[1])) {
  process.stderr.write(
    "session-room-relay needs Node " + LEAST.join(".") + " or newer; this is " + process.version + ".\n",
  );
  process.exitCode = 1;
} else {
  import("./main.ts");
}
