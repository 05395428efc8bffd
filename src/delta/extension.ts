/** Delta Lake as an extension; the engine loads it when a table of this kind is named. */
import type { Extension } from '../index.js'
import { deltaFormat } from './delta-format.js'

const extension: Extension = { name: 'delta', tableFormats: [deltaFormat] }

export default extension
