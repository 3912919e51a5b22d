import { chmod, lstat, unlink } from "node:fs/promises";

/** `sun_path` of Linux has 108 bytes, the last of which is zero. */
export const MAX_SOCKET_PATH_BYTES = 107;

/** Makes way for a socket: an earlier process that was killed leaves its file behind. Throws what the operator has to change. */
export async function makeWay(socketPath: string, maxBytes: number): Promise<void> {
  const bytes = Buffer.byteLength(socketPath);
  if (bytes > maxBytes) {
    throw new Error(
      `socket path ${socketPath}: ${bytes} bytes are more than a Unix socket can have (${maxBytes}); use a shorter directory`,
    );
  }
  const file = await lstat(socketPath).catch(() => undefined);
  if (file === undefined) return;
  if (!file.isSocket())
    throw new Error(`socket path ${socketPath}: there is a file that is no socket; remove it or use another path`);
  await unlink(socketPath);
}

/** Who can connect can read every private key. */
export async function restrict(socketPath: string): Promise<void> {
  await chmod(socketPath, 0o600);
}
