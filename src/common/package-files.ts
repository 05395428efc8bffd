/** Files that come with the package, beside its modules. */
import { readdir, readFile } from 'node:fs/promises'

/** The files of a folder by name, read at the first call. */
export function packageFiles(folder: URL): () => Promise<ReadonlyMap<string, Uint8Array>> {
  let files: Promise<ReadonlyMap<string, Uint8Array>> | undefined
  return () => (files ??= readAll(folder))
}

async function readAll(folder: URL): Promise<ReadonlyMap<string, Uint8Array>> {
  const names = await readdir(folder)
  const contents = await Promise.all(names.map(name => readFile(new URL(name, folder))))
  return new Map(names.map((name, index) => [name, contents[index]]))
}
