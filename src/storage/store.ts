/** What a store is to the rest: where files lie that are read by ranges, listed and written whole. */
import type { Config } from '../common/option.js'

/** A host that reads and writes files, and the settings by which it does. */
export interface FileHost {
  /** For error messages. */
  readonly name: string
  readonly config: Config
  /** Ends requests to other machines that are under way. */
  readonly signal?: AbortSignal
  /** Gets uploads whose parts are all there, in place of completing them: a commit does. Absent: they are completed. */
  readonly onStaged?: (upload: StagedUpload) => void
  /** Of remote files by URL, as the statement has met them first: it reads no other versions. */
  readonly versions?: Map<string, FileVersion>
  /** Of files of this machine by path, as the statement has met them first: what is cached of these is taken without asking again. */
  readonly localVersions?: Map<string, FileVersion>
}

/** A file, and the host that reads or writes it. */
export interface FilePlace {
  /** Absolute path, or URL. */
  readonly path: string
  readonly host: FileHost
}

/** All that completes an upload of parts to an object store: plain data. */
export interface StagedUpload {
  /** URL of the object that appears. */
  readonly path: string
  readonly id: string
  /** Of the parts, in order. */
  readonly tags: readonly string[]
  readonly byteLength: number
}

/** One version of a file. */
export interface FileVersion {
  readonly byteLength: number
  /** Differs between versions, as far as the store can tell. */
  readonly tag: string
  /** It had just been made when it was met, and the next one might have the same tag. */
  readonly isNew?: boolean
}

/** A file that is being read. */
export interface OpenFile {
  readonly byteLength: number
  /** Ranges that are nearer than this are read together: cheaper than another call. */
  readonly gapBytes: number
  /**
   * Fills `target` with the bytes from `position`; gives their number, which is less than wanted only where the file ends.
   * Throws FILE_NOT_READABLE, and FILE_INVALID where the store can tell that another version took the file's place.
   */
  read(target: Uint8Array, position: number): Promise<number>
  close(): Promise<void>
}

/** The last bytes of a file. */
export interface FileTail {
  readonly version: FileVersion
  /** Absent: the version is the one that is known. */
  readonly bytes?: Uint8Array
}

/** A file of a store, as it was when it was listed. */
export interface ListedFile {
  readonly path: string
  readonly version: FileVersion
}

/** Everything throws FILE_NOT_READABLE or FILE_NOT_WRITABLE [host, path, reason] and, before anything is opened, PATH_NOT_ALLOWED. */
export interface Store {
  version(place: FilePlace): Promise<FileVersion>
  /** Opens a file for reading; the caller closes. `known`: the version that is wanted, which saves a store that asks a request. */
  open(place: FilePlace, known?: FileVersion): Promise<OpenFile>
  /** At most `byteLength` bytes from the end, all of a smaller file; none if the version is `known`. */
  tail(place: FilePlace, byteLength: number, known?: FileVersion): Promise<FileTail>
  /** Files whose paths begin with that of the place, in any order; absent: a store that cannot tell. */
  list?(place: FilePlace): AsyncIterable<ListedFile>
  /** Starts a file that appears under its name when it is closed, or not at all; an older one is replaced. */
  create(place: FilePlace): Promise<AtomicFile>
}

/** A file that appears under its name only when it is complete and will last, or not at all. */
export interface AtomicFile {
  /** Bytes written so far. */
  readonly byteLength: number
  /** Appends; the bytes may be reused when it resolves. Throws FILE_NOT_WRITABLE. */
  append(bytes: Uint8Array): Promise<void>
  /** Makes it appear. Throws FILE_NOT_WRITABLE, after which nothing is left behind. */
  close(): Promise<void>
  /** Removes what was written. Never throws; without effect after `close` or a first `abort`. */
  abort(): Promise<void>
}
