/** Opens one data page: decompresses it, and finds its levels and values. */
import type { Column } from '../../arrow/batch.js'
import { kernels, views } from '../../arrow/memory.js'
import { fail } from '../../common/errors.js'
import { CODEC, CODEC_SLOP, decompress, isPlausible } from './codecs.js'
import { plainBytes } from './delta-values.js'
import { storedBytes, type LeafForm } from './leaf-form.js'
import { ENCODING, type PageHeader } from './page-header.js'
import { plainValues, type PageValues } from './page-values.js'

interface HybridKernels {
  parquetHybridOpen(reader: number, source: number, end: number, bits: number): number
}

/** A column chunk in the arena. */
export interface ChunkSource {
  /** File and column, for errors. */
  readonly path: string
  readonly name: string
  readonly form: LeafForm
  readonly codec: number
  readonly isOptional: boolean
  /** Its bytes. */
  readonly start: number
  readonly end: number
  /** Makes the error for a chunk that makes no sense. */
  readonly invalid: (reason: string) => Error
}

/** Memory of a column reader for reading pages. */
export interface PageMemory {
  /** Hybrid readers of the page's levels and codes. */
  readonly levels: number
  readonly codes: number
  /** For values without a dictionary page: what the codes 0 and 1 of booleans stand for. */
  readonly bits: Column
  readonly dictionary: Column
  /** Memory that lives as long as the page. */
  own(byteLength: number): number
}

interface Body {
  readonly at: number
  readonly end: number
}

/**
 * The values of the data page whose bytes start at `position`; for an optional column the reader of its levels is open then.
 * Throws FILE_INVALID, NOT_SUPPORTED, ARENA_EXHAUSTED.
 */
export function openPage(chunk: ChunkSource, header: PageHeader, position: number, memory: PageMemory): PageValues {
  const end = position + header.compressedBytes
  if (header.isVersion2) {
    const levelsAt = position + header.repetitionBytes
    const levelsEnd = levelsAt + header.definitionBytes
    if (chunk.isOptional) openHybrid(chunk, memory.levels, { at: levelsAt, end: levelsEnd }, 1)
    const size = header.uncompressedBytes - (levelsEnd - position)
    return valuesOf(chunk, header, expand(chunk, header, { at: levelsEnd, end }, size, memory), memory)
  }
  const body = expand(chunk, header, { at: position, end }, header.uncompressedBytes, memory)
  if (!chunk.isOptional) return valuesOf(chunk, header, body, memory)
  if (header.levelEncoding !== ENCODING.rle)
    throw fail('NOT_SUPPORTED', [`${chunk.path}: the level encoding ${header.levelEncoding} of column '${chunk.name}'`])
  const levels = sized(chunk, body)
  openHybrid(chunk, memory.levels, levels, 1)
  return valuesOf(chunk, header, { at: levels.end, end: body.end }, memory)
}

/** The values of a dictionary page. */
export function openDictionary(
  chunk: ChunkSource,
  header: PageHeader,
  position: number,
  memory: Pick<PageMemory, 'own'>,
): PageValues {
  const { form, invalid } = chunk
  if (header.encoding !== ENCODING.plain && header.encoding !== ENCODING.plainDictionary)
    throw invalid('a dictionary that is not PLAIN')
  const packed = { at: position, end: position + header.compressedBytes }
  const body = expand(chunk, header, packed, header.uncompressedBytes, memory)
  return plainValues({ form, ...body, own: byteLength => memory.own(byteLength), invalid })
}

/** The bytes uncompressed: where they lie, if they are. */
function expand(
  { codec, invalid }: ChunkSource,
  { isCompressed }: PageHeader,
  { at, end }: Body,
  size: number,
  memory: Pick<PageMemory, 'own'>,
): Body {
  if (size === 0) return { at, end: at }
  if (codec === CODEC.uncompressed || !isCompressed) {
    if (size !== end - at) throw invalid('an uncompressed page of another size than its header says')
    return { at, end }
  }
  if (!isPlausible(codec, end - at, size)) throw invalid('a page header with impossible sizes')
  const block = memory.own(size + CODEC_SLOP)
  if (!decompress(codec, at, end - at, block, size)) throw invalid('a page that cannot be decompressed')
  return { at: block, end: block + size }
}

/** Levels or values behind their u32 length. */
function sized({ invalid }: ChunkSource, { at, end }: Body): Body {
  if (end - at < 4) throw invalid('a page that ends in its levels')
  const { u8 } = views()
  const byteLength = u8[at] + u8[at + 1] * 0x100 + u8[at + 2] * 0x10000 + u8[at + 3] * 0x1000000
  if (byteLength > end - at - 4) throw invalid('a page that ends in its levels')
  return { at: at + 4, end: at + 4 + byteLength }
}

function openHybrid({ invalid }: ChunkSource, reader: number, { at, end }: Body, bits: number): void {
  if (kernels<HybridKernels>().parquetHybridOpen(reader, at, end, bits) === 0)
    throw invalid(`dictionary codes of ${bits} bits`)
}

function valuesOf(chunk: ChunkSource, header: PageHeader, body: Body, memory: PageMemory): PageValues {
  const { form, invalid, path, name } = chunk
  const { encoding, valueCount } = header
  const own = (byteLength: number): number => memory.own(byteLength)
  switch (encoding) {
    case ENCODING.plain:
      return plainValues({ form, ...body, own, invalid })
    case ENCODING.plainDictionary:
    case ENCODING.rleDictionary: {
      // A page of NULLs only may have no codes at all, not even their width.
      const isEmpty = body.at === body.end
      const bits = isEmpty ? 1 : views().u8[body.at]
      openHybrid(chunk, memory.codes, isEmpty ? body : { at: body.at + 1, end: body.end }, bits)
      return { kind: 'codes', reader: memory.codes, dictionary: memory.dictionary }
    }
    case ENCODING.rle:
      if (form.kind !== 'bits') break
      openHybrid(chunk, memory.codes, sized(chunk, body), 1)
      return { kind: 'codes', reader: memory.codes, dictionary: memory.bits }
    default: {
      const storedWidth = storedBytes(form)
      const plain =
        body.at === body.end ? body : plainBytes({ form, ...body, own, invalid, valueCount, storedWidth }, encoding)
      if (plain !== undefined) return plainValues({ form, ...plain, own, invalid })
    }
  }
  throw fail('NOT_SUPPORTED', [`${path}: the encoding ${encoding} of column '${name}'`])
}
