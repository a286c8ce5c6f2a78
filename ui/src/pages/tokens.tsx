import { usePage } from '../components/shell';
import type { PageProps } from '../app';

export default function Soon(_: PageProps) {
  usePage({ label: 'tokens' });
  return (
    <div className="page">
      <h1 className="ti">tokens</h1>
    </div>
  );
}
