// Which npm packages are in a bundle, as esbuild's metafile tells it. What was shaken out of it is not shipped, and not here.
import fs from "node:fs";
import path from "node:path";

/** The package's folder of a file under node_modules, or undefined for a file of our own. */
function packageFolder(file) {
  const marker = "node_modules/";
  const at = file.lastIndexOf(marker);
  if (at === -1) return undefined;
  const [first, second] = file.slice(at + marker.length).split("/");
  return file.slice(0, at + marker.length) + (first.startsWith("@") ? `${first}/${second}` : first);
}

/** Sorted by name and version, each once, though several folders may hold it. `root`: what the paths of the metafile start from. */
export function bundledPackages(metafile, root) {
  const folders = new Set();
  for (const { inputs } of Object.values(metafile.outputs))
    for (const [file, { bytesInOutput }] of Object.entries(inputs))
      if (bytesInOutput > 0) folders.add(packageFolder(file));
  folders.delete(undefined);
  const packages = new Map();
  for (const folder of [...folders].sort()) {
    const directory = path.resolve(root, folder);
    const { name, version, license } = JSON.parse(fs.readFileSync(path.join(directory, "package.json"), "utf8"));
    packages.set(`${name}@${version}`, { name, version, license, directory });
  }
  return [...packages].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, each]) => each);
}
