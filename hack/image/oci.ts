// The image as an OCI layout in one tar file, for `skopeo copy`, `crane push`, `podman load` and `ctr images import`.
// Source: opencontainers/image-spec, image-layout.md, manifest.md, config.md.
import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import zlib from "node:zlib";
import { imageConfig } from "./image-config.ts";
import { type Architecture, run } from "./parts.ts";
import { builtAt, type Entry, type Layer, layers, writeTree } from "./tree.ts";

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

export interface BuiltImage {
  readonly architecture: Architecture;
  readonly manifest: Descriptor;
  /** Bytes that a registry holds and a node fetches. */
  readonly compressed: Readonly<Record<Layer, number>>;
}

const type = (name: string) => `application/vnd.oci.image.${name}`;
const created = new Date(builtAt * 1000).toISOString();

/** The same tree gives the same bytes. */
function tarOf(directory: string, file: string): void {
  const fixed = ["--sort=name", "--format=ustar", "--numeric-owner", "--owner=0", "--group=0", `--mtime=@${builtAt}`];
  run(`cannot pack ${directory}`, "tar", [...fixed, "-C", directory, "-cf", file, "."]);
}

class Layout {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
    fs.mkdirSync(path.join(directory, "blobs/sha256"), { recursive: true });
    fs.writeFileSync(path.join(directory, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  }

  add(mediaType: string, content: Buffer | object): Descriptor {
    const bytes = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
    const hash = sha256(bytes);
    fs.writeFileSync(path.join(this.directory, "blobs/sha256", hash), bytes);
    return { mediaType, digest: `sha256:${hash}`, size: bytes.length };
  }
}

const sha256 = (bytes: Buffer) => crypto.createHash("sha256").update(bytes).digest("hex");

function addImage(layout: Layout, architecture: Architecture, entries: readonly Entry[], work: string): BuiltImage {
  const packed = layers.map((layer) => {
    const directory = path.join(work, `${architecture}-${layer}`);
    writeTree(
      directory,
      entries.filter((each) => each.layer === layer),
    );
    tarOf(directory, `${directory}.tar`);
    const tar = fs.readFileSync(`${directory}.tar`);
    return { layer, diffId: `sha256:${sha256(tar)}`, blob: layout.add(type("layer.v1.tar+gzip"), zlib.gzipSync(tar)) };
  });
  const { labels, env, user, entrypoint, cmd } = imageConfig();
  const config = layout.add(type("config.v1+json"), {
    created,
    architecture,
    os: "linux",
    config: {
      User: user,
      Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
      Entrypoint: entrypoint,
      Cmd: cmd,
      Labels: labels,
    },
    rootfs: { type: "layers", diff_ids: packed.map(({ diffId }) => diffId) },
    history: layers.map((layer) => ({ created, created_by: `npm run image: ${layer}` })),
  });
  const manifest = layout.add(type("manifest.v1+json"), {
    schemaVersion: 2,
    mediaType: type("manifest.v1+json"),
    config,
    layers: packed.map(({ blob }) => blob),
    annotations: labels,
  });
  const sizes = packed.map(({ layer, blob }) => [layer, blob.size]);
  return { architecture, manifest, compressed: Object.fromEntries(sizes) as Record<Layer, number> };
}

/** Writes the tar file; `work` is a directory for what is needed meanwhile. Returns the images in it and the digest to pin them all by. */
export function writeOci(
  file: string,
  images: readonly { readonly architecture: Architecture; readonly entries: readonly Entry[] }[],
  work: string,
): { readonly digest: string; readonly images: readonly BuiltImage[] } {
  const layout = new Layout(path.join(work, "layout"));
  const built = images.map(({ architecture, entries }) => addImage(layout, architecture, entries, work));
  // Of all architectures, whether it is one or two: tools take it apart themselves.
  const index = layout.add(type("index.v1+json"), {
    schemaVersion: 2,
    mediaType: type("index.v1+json"),
    manifests: built.map(({ architecture, manifest }) => ({ ...manifest, platform: { architecture, os: "linux" } })),
  });
  const { "org.opencontainers.image.title": title, "org.opencontainers.image.version": version } = imageConfig().labels;
  const annotations = {
    "org.opencontainers.image.ref.name": version,
    "io.containerd.image.name": `docker.io/library/${title}:${version}`,
  };
  fs.writeFileSync(
    path.join(layout.directory, "index.json"),
    JSON.stringify({ schemaVersion: 2, mediaType: type("index.v1+json"), manifests: [{ ...index, annotations }] }),
  );
  tarOf(layout.directory, file);
  return { digest: index.digest, images: built };
}
