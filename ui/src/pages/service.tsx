import { usePage } from '../components/shell';
import type { PageProps } from '../app';

export default function Soon(_: PageProps) {
  usePage({ label: 'service' });
  return (
    <div className="page">
      <h1 className="ti">service</h1>
    </div>
  );
}
