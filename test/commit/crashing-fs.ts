/** A file system in memory that ends its process, or fills up, at any operation, and forgets what was not synced when its power is cut. */
import { dirname, basename } from 'node:path'
import type { CommitFs, FileStatus } from '../../src/commit/file-system.js'

interface FileNode {
  readonly kind: 'file'
  readonly id: number
  bytes: Uint8Array
}

interface DirectoryNode {
  readonly kind: 'directory'
  readonly id: number
  entries: Map<string, Node>
  /** As of the last sync. */
  durable: Map<string, Node>
  movedFrom?: { readonly directory: DirectoryNode; readonly name: string }
}

type Node = FileNode | DirectoryNode

/** The end of the simulated process: nothing it does counts any more. */
export class Crash extends Error {}

export class MemoryDisk {
  readonly #root: DirectoryNode = { kind: 'directory', id: 0, entries: new Map(), durable: new Map() }
  #nodes = 0

  /** Operations from outside of the protocol, which always succeed and last. */
  put(path: string, bytes: Uint8Array): void {
    const parent = this.directory(dirname(path), true) as DirectoryNode
    parent.entries.set(basename(path), { kind: 'file', id: ++this.#nodes, bytes })
    parent.durable = new Map(parent.entries)
  }

  /** All files below a directory that are not hidden, and their text. */
  files(directory: string, prefix = ''): Map<string, string> {
    const found = new Map<string, string>()
    for (const [name, node] of this.directory(directory)?.entries ?? []) {
      if (/^[._]/.test(name)) continue
      if (node.kind === 'file') found.set(prefix + name, Buffer.from(node.bytes).toString())
      else for (const [path, text] of this.files(`${directory}/${name}`, `${prefix}${name}/`)) found.set(path, text)
    }
    return found
  }

  /** Names in a directory; undefined: there is none. */
  names(directory: string): string[] | undefined {
    const found = this.directory(directory)
    return found === undefined ? undefined : [...found.entries.keys()].sort()
  }

  text(path: string): string | undefined {
    const node = this.node(path)
    return node?.kind === 'file' ? Buffer.from(node.bytes).toString() : undefined
  }

  /** Names that were not synced are as they were. */
  cutPower(node: DirectoryNode = this.#root): void {
    node.entries = new Map(node.durable)
    for (const child of node.entries.values()) if (child.kind === 'directory') this.cutPower(child)
  }

  node(path: string): Node | undefined {
    if (path === '/') return this.#root
    return this.directory(dirname(path))?.entries.get(basename(path))
  }

  directory(path: string, make = false): DirectoryNode | undefined {
    let at = this.#root
    for (const name of path.split('/').filter(part => part !== '')) {
      let next = at.entries.get(name)
      if (next === undefined && make) {
        next = this.newDirectory()
        at.entries.set(name, next)
        at.durable.set(name, next)
      }
      if (next?.kind !== 'directory') return undefined
      at = next
    }
    return at
  }

  newDirectory(): DirectoryNode {
    return { kind: 'directory', id: ++this.#nodes, entries: new Map(), durable: new Map() }
  }

  newFile(bytes: Uint8Array): FileNode {
    return { kind: 'file', id: ++this.#nodes, bytes }
  }
}

export interface Faults {
  /** The process ends before the operation of this number. */
  readonly crashAt?: number
  /** From the operation of this number on, `count` operations that need room fail with ENOSPC. */
  readonly fullAt?: number
  readonly fullCount?: number
  /** Called before every operation. */
  readonly before?: (name: string) => Promise<void>
}

const failure = (code: string): Error => Object.assign(new Error(code), { code })

/** The disk as one process sees it. */
export class CrashingFs implements CommitFs {
  /** So far. */
  operations = 0
  readonly names: string[] = []
  readonly #disk: MemoryDisk
  readonly #faults: Faults
  #full = 0

  constructor(disk: MemoryDisk, faults: Faults = {}) {
    this.#disk = disk
    this.#faults = faults
  }

  async makeDirectory(path: string): Promise<void> {
    await this.#step('makeDirectory', true)
    // As mkdir: the new entry is not synced.
    if (this.#disk.node(path) !== undefined) return
    const parent = this.#disk.directory(dirname(path))
    if (parent === undefined) {
      await this.makeDirectory(dirname(path))
      return this.makeDirectory(path)
    }
    parent.entries.set(basename(path), this.#disk.newDirectory())
  }

  async read(path: string): Promise<Uint8Array | undefined> {
    await this.#step('read')
    const node = this.#disk.node(path)
    return node?.kind === 'file' ? node.bytes : undefined
  }

  async create(path: string, bytes: Uint8Array): Promise<void> {
    // Its name is there before its bytes.
    await this.#step('create', true)
    const parent = this.#parentOf(path)
    if (parent.entries.has(basename(path))) throw failure('EEXIST')
    const file = this.#disk.newFile(new Uint8Array(0))
    parent.entries.set(basename(path), file)
    await this.#step('fill', true)
    file.bytes = bytes
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#step('rename', true)
    const [source, target] = [this.#parentOf(from), this.#parentOf(to)]
    const node = source.entries.get(basename(from))
    if (node === undefined) throw failure('ENOENT')
    const old = target.entries.get(basename(to))
    if (old?.kind === 'directory' && (node.kind !== 'directory' || old.entries.size > 0)) throw failure('ENOTEMPTY')
    if (old?.kind === 'file' && node.kind === 'directory') throw failure('ENOTDIR')
    source.entries.delete(basename(from))
    target.entries.set(basename(to), node)
    // Of directories no file system ever keeps two names.
    if (node.kind === 'directory') node.movedFrom = { directory: source, name: basename(from) }
  }

  async link(from: string, to: string): Promise<void> {
    await this.#step('link', true)
    const node = this.#disk.node(from)
    const target = this.#parentOf(to)
    if (node === undefined) throw failure('ENOENT')
    if (target.entries.has(basename(to))) throw failure('EEXIST')
    target.entries.set(basename(to), node)
  }

  async unlink(path: string): Promise<void> {
    await this.#step('unlink')
    this.#disk.directory(dirname(path))?.entries.delete(basename(path))
  }

  async list(directory: string): Promise<readonly string[]> {
    await this.#step('list')
    return this.#disk.names(directory) ?? []
  }

  async status(path: string): Promise<FileStatus | undefined> {
    await this.#step('status')
    const node = this.#disk.node(path)
    if (node === undefined) return undefined
    return { kind: node.kind, bytes: node.kind === 'file' ? node.bytes.length : 0, identity: String(node.id) }
  }

  async removeDirectory(path: string): Promise<void> {
    await this.#step('removeDirectory')
    const node = this.#disk.node(path)
    if (node?.kind === 'directory' && node.entries.size === 0)
      this.#disk.directory(dirname(path))?.entries.delete(basename(path))
  }

  async sync(directory: string): Promise<void> {
    await this.#step('sync')
    const found = this.#disk.directory(directory)
    if (found === undefined) return
    found.durable = new Map(found.entries)
    for (const node of found.entries.values()) {
      if (node.kind !== 'directory' || node.movedFrom === undefined) continue
      const { directory: source, name } = node.movedFrom
      if (source.durable.get(name) === node) source.durable.delete(name)
    }
  }

  #parentOf(path: string): DirectoryNode {
    const parent = this.#disk.directory(dirname(path))
    if (parent === undefined) throw failure('ENOENT')
    return parent
  }

  async #step(name: string, needsRoom = false): Promise<void> {
    const { before, crashAt = Infinity, fullAt = Infinity, fullCount = Infinity } = this.#faults
    await before?.(name)
    if (this.operations >= crashAt) throw new Crash(`crashed before operation ${crashAt}`)
    this.names.push(name)
    const isFull = needsRoom && this.operations >= fullAt && this.#full < fullCount
    this.operations++
    if (!isFull) return
    this.#full++
    throw failure('ENOSPC')
  }
}
