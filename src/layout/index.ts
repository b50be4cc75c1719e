export { type Layout, type LayoutItem, layOut } from './layout.ts';
