import { usePage } from '../components/shell';
import type { PageProps } from '../app';

export default function Soon(_: PageProps) {
  usePage({ label: 'services' });
  return (
    <div className="page">
      <h1 className="ti">services</h1>
    </div>
  );
}
