/** The 300 MiB text from which every comment is cut; made in pieces, each from its checkpoint. */
import { GRAMMAR, type WeightedWords } from './distributions.js'
import { step } from './random.js'
import { CHUNK_BYTES, OFFSETS, STATES } from './text-pool-checkpoints.js'

export const POOL_BYTES = 314_572_800
/** Pieces that can be made apart. */
export const POOL_CHUNKS = STATES.length

const MODULUS = 2_147_483_647
/** The longest sentence has 148 bytes with its blank; writers run over the end of a word by less than a block. */
const SENTENCE_BYTES = 512
/** Words are copied in blocks of 8 bytes. ASCII bytes never form a NaN, so a double carries them unchanged. */
const BLOCK_BYTES = 8

/** Words with what follows each of them in the text, as blocks: slot s has `lengths[s]` bytes from block s * stride. */
interface WordTable {
  readonly blocks: Float64Array
  readonly stride: number
  readonly lengths: Uint8Array
  /** Slot of a state: trunc(state * factor). */
  readonly factor: number
}

function wordTable({ slots }: WeightedWords, follows: string): WordTable {
  const words = slots.map(word => word + follows)
  const stride = Math.ceil(Math.max(...words.map(word => word.length)) / BLOCK_BYTES)
  const bytes = Buffer.alloc(words.length * stride * BLOCK_BYTES)
  words.forEach((word, slot) => bytes.write(word, slot * stride * BLOCK_BYTES, 'latin1'))
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return {
    blocks: Float64Array.from({ length: words.length * stride }, (_, i) => view.getFloat64(i * BLOCK_BYTES)),
    stride,
    lengths: Uint8Array.from(words, word => word.length),
    factor: words.length / MODULUS,
  }
}

/** Forms such as `J, J N`: for each slot the word tables it takes, in order. */
interface PhraseForms {
  readonly slots: readonly (readonly WordTable[])[]
  readonly factor: number
}

const WORDS: Readonly<Record<string, WordTable>> = {
  N: wordTable(GRAMMAR.noun, ' '),
  V: wordTable(GRAMMAR.verb, ' '),
  J: wordTable(GRAMMAR.adjective, ' '),
  'J,': wordTable(GRAMMAR.adjective, ', '),
  D: wordTable(GRAMMAR.adverb, ' '),
  X: wordTable(GRAMMAR.auxiliary, ' '),
}
const PREPOSITIONS = wordTable(GRAMMAR.preposition, ' the ')
const TERMINATORS = wordTable(GRAMMAR.terminator, ' ')

const phraseForms = ({ slots }: WeightedWords): PhraseForms => ({
  slots: slots.map(form => form.split(' ').map(token => WORDS[token])),
  factor: slots.length / MODULUS,
})

const NOUN_PHRASES = phraseForms(GRAMMAR.nounPhrase)
const VERB_PHRASES = phraseForms(GRAMMAR.verbPhrase)
const SENTENCES = GRAMMAR.sentence.slots.map(form => form.split(' '))
const SENTENCE_FACTOR = SENTENCES.length / MODULUS

/** Makes sentences one after the other. */
class SentenceWriter {
  #state: number

  constructor(state: number) {
    this.#state = state
  }

  /** One sentence and the blank after it, at `at`: where it ends. The bytes of a block beyond that are lost. */
  write(target: DataView, at: number): number {
    this.#state = step(this.#state)
    for (const token of SENTENCES[(this.#state * SENTENCE_FACTOR) | 0]) {
      if (token === 'N') at = this.#phrase(target, at, NOUN_PHRASES)
      else if (token === 'V') at = this.#phrase(target, at, VERB_PHRASES)
      else if (token === 'P') at = this.#phrase(target, this.#word(target, at, PREPOSITIONS), NOUN_PHRASES)
      // Takes the place of the blank after the last word.
      else at = this.#word(target, at - 1, TERMINATORS)
    }
    return at
  }

  #phrase(target: DataView, at: number, forms: PhraseForms): number {
    this.#state = step(this.#state)
    for (const table of forms.slots[(this.#state * forms.factor) | 0]) at = this.#word(target, at, table)
    return at
  }

  #word(target: DataView, at: number, { blocks, stride, lengths, factor }: WordTable): number {
    this.#state = step(this.#state)
    const slot = (this.#state * factor) | 0
    const end = at + lengths[slot]
    for (let to = at, block = slot * stride; to < end; to += BLOCK_BYTES) target.setFloat64(to, blocks[block++])
    return end
  }
}

/** Fills the sentences that belong to chunks [first, last) into `pool` (POOL_BYTES long); pieces may be made in any order. */
export function fillTextPool(pool: Uint8Array, first: number, last: number): void {
  const end = last === POOL_CHUNKS ? POOL_BYTES : last * CHUNK_BYTES + OFFSETS[last]
  const writer = new SentenceWriter(STATES[first])
  const view = new DataView(pool.buffer, pool.byteOffset, pool.byteLength)
  let at = first * CHUNK_BYTES + OFFSETS[first]
  while (at < end - SENTENCE_BYTES) at = writer.write(view, at)
  // The last sentences must not touch what comes after them: it belongs to the next piece.
  const buffer = new Uint8Array(SENTENCE_BYTES)
  const bufferView = new DataView(buffer.buffer)
  while (at < end) {
    const length = Math.min(writer.write(bufferView, 0), POOL_BYTES - at)
    pool.set(buffer.subarray(0, length), at)
    at += length
  }
}
