// Loaded before the emulator of Kinesis, which has no option for it: whatever listens does so on 127.0.0.1 only.
// With END_WITH_STDIN set, the process ends when its standard input does: with whoever started it, however that ended.
"use strict";

const { Server } = require("node:net");

const listen = Server.prototype.listen;

Server.prototype.listen = function (...given) {
  const [first, second] = given;
  if (typeof first === "object" && first !== null && "port" in first) {
    given[0] = { ...first, host: "127.0.0.1" };
  } else if (typeof first === "number" || /^\d+$/.test(first)) {
    given.splice(1, typeof second === "string" ? 1 : 0, "127.0.0.1");
  }
  return listen.apply(this, given);
};

if (process.env.END_WITH_STDIN) {
  process.stdin.on("error", () => process.exit(0)).on("end", () => process.exit(0)).resume();
}
