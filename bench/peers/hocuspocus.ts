/** Starts Hocuspocus as its manual does, without a database. */
import { Server } from "@hocuspocus/server";

const [port = "0"] = process.argv.slice(2);
const server = new Server({ port: Number(port), address: "127.0.0.1", quiet: true });
await server.listen();
console.log("ready");
