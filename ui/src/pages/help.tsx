import { usePage } from '../components/shell';
import type { PageProps } from '../app';

export default function Soon(_: PageProps) {
  usePage({ label: 'help' });
  return (
    <div className="page">
      <h1 className="ti">help</h1>
    </div>
  );
}
