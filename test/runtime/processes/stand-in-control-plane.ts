/** As much of a control plane as the supervisor can see: the IPC channel. Arguments: run directory, message file, behaviour. */
import { spawn } from "node:child_process";
import fs from "node:fs";
import http from "node:http";
import { connectParent } from "../../../runtime/parent.ts";

const [, , runDir = "", messageFile = "", behaviour = "ready"] = process.argv;
const write = (value: object) => fs.appendFileSync(messageFile, `${JSON.stringify({ ...value, from: process.pid })}\n`);

const parent = connectParent({
  channel: process,
  onMessage(message) {
    write(message);
    if (message.type === "envoyStarted" && behaviour !== "waiting")
      void parent?.send({ type: "ready", envoyPid: message.pid });
  },
  onGone: () => {
    write({ type: "gone" });
    process.exit(0);
  },
});
if (behaviour === "stubborn") process.on("SIGTERM", () => write({ type: "SIGTERM ignored" }));
if (behaviour === "with-child") write({ type: "child", pid: spawn("sleep", ["600"], { stdio: "ignore" }).pid });
const said = fs.existsSync(messageFile) ? fs.readFileSync(messageFile, "utf8") : "";
/** Once, in the second process. */
const isFatalLater = behaviour === "fatal-later" && /"started"/.test(said) && !/"fatal"/.test(said);
if (behaviour === "fatal" || isFatalLater) {
  write({ type: "fatal" });
  await parent?.send({ type: "fatal", message: "the admin port 8877 is held by another process", exitCode: 3 });
  process.exit(3);
}
if (behaviour === "waiting") await parent?.send({ type: "waiting", reason: "something has not come" });
const socketPath = `${runDir}/control.sock`;
fs.rmSync(socketPath, { force: true });
http.createServer((request, response) => response.end(`${process.pid} answers ${request.url}`)).listen(socketPath);
write({ type: "started" });
