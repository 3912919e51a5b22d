import { afterAll, beforeAll, describe } from "@jest/globals";
import { clusterAvailable } from "../cluster/available.ts";
import { files } from "./tls/files.ts";
import { insecure } from "./tls/insecure.ts";
import { origination } from "./tls/origination.ts";
import { secrets } from "./tls/secrets.ts";
import { termination } from "./tls/termination.ts";
import { startTlsWorld, type TlsWorld } from "./tls/world.ts";

let tls: TlsWorld | undefined;
const current = (): TlsWorld => {
  if (tls === undefined) throw new Error("the cluster has not started");
  return tls;
};

// One cluster for all: each test has a Listener and Hosts of its own.
(clusterAvailable ? describe : describe.skip)("TLS", () => {
  beforeAll(async () => {
    tls = await startTlsWorld();
  }, 120_000);

  afterAll(() => tls?.stop(), 30_000);

  termination(current);
  secrets(current);
  insecure(current);
  origination(current);
  files(current);
});
