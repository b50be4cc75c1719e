export { ImageLayout } from './image-layout.ts';
export { isLayoutReference, type LayoutReference, layoutReferenceText, parseLayoutReference } from './reference.ts';
